/** What a named method is. @module */

import type { AggregatorName } from "../aggregate/mod.ts";
import type { Distribution, Factors } from "../method.ts";
import type { RankRate } from "../rank_rate.ts";
import type { SelectorName } from "../selection.ts";

/** Settings that a name can stand for: some of a run's, under the same keys. */
export interface MethodSettings {
  /** What a client holds and trains. */
  readonly method: Distribution;
  /** How the server combines. */
  readonly aggregation: AggregatorName;
  /** How components are picked by score. */
  readonly selection?: SelectorName;
  /** First rounds, in which components are dealt round-robin. */
  readonly warmupRounds?: number;
  /** Which factors of its components a client trains. */
  readonly factors?: Factors;
  /** The adapters' learning rate of a client by its rank. */
  readonly lrByRank?: RankRate;
  /** Whether one client holds everyone's rows and takes everyone's steps. */
  readonly pooled?: boolean;
}

/** A method that has a name: plain data. */
export interface NamedMethod {
  /** As users write it. */
  readonly name: string;
  /** One line for the help text. */
  readonly summary: string;
  /** The paper it is from. */
  readonly source: string;
  /** What the name stands for; settings that are not here stay free. */
  readonly settings: MethodSettings;
}
