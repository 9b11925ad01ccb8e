/** A federation on one machine: its clients, its server's rules, and what they have in common. @module */

import type { TokenizedSample } from "../data/types.ts";
import type { Classifier } from "../lora/classifier.ts";
import type { ProgramSizes, WeightLoader } from "../lora/load.ts";
import type { Aggregator } from "../protocol/aggregate/mod.ts";
import { type AdapterBank, createBank } from "../protocol/bank.ts";
import type { SelectionSettings } from "../protocol/deal.ts";
import type { Distribution, Scope } from "../protocol/method.ts";
import { randomStream } from "../protocol/random.ts";
import type { LocalSettings } from "./client_round.ts";

/** A simulated client. */
export interface FederatedClient {
  /** Its components per module, r_k. */
  readonly rank: number;
  readonly samples: readonly TokenizedSample[];
}

/** The server's side of the method. */
export interface ServerSettings {
  readonly distribution: Distribution;
  readonly aggregate: Aggregator;
  readonly selection: SelectionSettings;
  /** Over what a client's own choice is checked. */
  readonly scopeName: Scope;
  readonly warmupRounds: number;
}

/** Everything a simulated run needs besides a device and its state. Plain data and pure functions. */
export interface Federation {
  /** The run's identifier, in every message. */
  readonly run: string;
  readonly classifier: Classifier;
  readonly sizes: ProgramSizes;
  readonly weights: WeightLoader;
  readonly local: LocalSettings;
  readonly server: ServerSettings;
  readonly alpha: number;
  readonly clients: readonly FederatedClient[];
  /** Evaluated after every round. */
  readonly validation: readonly TokenizedSample[];
  /** Evaluated at the end. */
  readonly test: readonly TokenizedSample[];
}

/** The adapter before the first round: A as PEFT starts it, B zero, the head drawn as its family does, all from the run's seed. */
export function initialBank({ classifier: { layout }, local, alpha }: Federation): AdapterBank {
  const head = layout.head.map(({ name, shape, deviation }) => {
    const stream = randomStream(local.seed, "head", name);
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length: count }, () => deviation * stream.normal());
    return { name, shape, data };
  });
  return createBank({ modules: layout.modules, rank: layout.rank, alpha, seed: local.seed, head });
}
