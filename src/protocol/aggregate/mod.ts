/**
 * Aggregation rules: how the server combines the updates of a round. One rule a file; this is their registry.
 *
 * @module
 */

import { adaptive } from "./adaptive.ts";
import type { Aggregator } from "./aggregator.ts";
import { fedit } from "./fedit.ts";
import { flexlora } from "./flexlora.ts";
import { flora } from "./flora.ts";
import { hetlora } from "./hetlora.ts";
import { local } from "./local.ts";
import type { LinearAlgebra } from "./singular_terms.ts";
import { zeroDelta } from "./zero_delta.ts";
import { zeroPad } from "./zero_pad.ts";

export {
  aggregate,
  type Aggregation,
  type Aggregator,
  aggregatorByModule,
  aggregatorOf,
  type ComponentRule,
  type ModuleAggregation,
  type ModuleUpdate,
} from "./aggregator.ts";
export type { DenseMatrix, LinearAlgebra } from "./singular_terms.ts";
export { adaptive, fedit, flexlora, flora, hetlora, local, zeroDelta, zeroPad };

/** What a rule asks of a run. */
export interface RuleNeeds {
  /** Whether every client has to be at the server's rank, and train all components. */
  readonly equalRanks?: boolean;
  /** Whether it changes A even where clients train B alone, and so cannot go with that. */
  readonly bothFactors?: boolean;
  /** Whether index i means another component after each round, so that nothing can be kept of one. */
  readonly sortsAnew?: boolean;
  /** Whether it takes more than messages of updates and banks, so that no server offers it. */
  readonly simulationOnly?: boolean;
}

/** A rule as the registry has it: an aggregator, or what makes one with the package ml-matrix. */
export type AggregationRule =
  & RuleNeeds
  & (
    | { readonly aggregator: Aggregator }
    | { readonly aggregatorWith: (algebra: LinearAlgebra) => Aggregator }
  );

/** The rules by name, in the order users see them. `loadAggregator` resolves a name. */
export const aggregationRules = {
  "adaptive": { aggregator: adaptive },
  "zero-pad": { aggregator: zeroPad },
  "zero-delta": { aggregator: zeroDelta },
  "fedit": { aggregator: fedit, equalRanks: true },
  "hetlora": { aggregator: hetlora },
  "flexlora": { aggregatorWith: flexlora, bothFactors: true, sortsAnew: true },
  "flora": { aggregator: flora, bothFactors: true, sortsAnew: true, simulationOnly: true },
  "local": { aggregator: local, simulationOnly: true },
} satisfies Record<string, AggregationRule>;

/** A key of {@linkcode aggregationRules}. */
export type AggregatorName = keyof typeof aggregationRules;

/** The rules' names, in the order users see them. */
export const aggregatorNames: readonly AggregatorName[] = Object.keys(
  aggregationRules,
) as AggregatorName[];
