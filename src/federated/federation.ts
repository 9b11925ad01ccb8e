/** A federation on one machine: its clients, its server's rules, and what they have in common. @module */

import type { ModelRow } from "../data/types.ts";
import { elementCount } from "../engine/program.ts";
import type { AdaptedModel } from "../lora/adapted_model.ts";
import type { ProgramSizes, WeightLoader } from "../lora/load.ts";
import type { Aggregator } from "../protocol/aggregate/mod.ts";
import { type AdapterBank, createBank } from "../protocol/bank.ts";
import type { SelectionSettings } from "../protocol/deal.ts";
import type { Distribution, Factors, Scope } from "../protocol/method.ts";
import { randomStream } from "../protocol/random.ts";
import type { Attendance } from "./attendance.ts";
import type { LocalSettings } from "./client_round.ts";
import type { Course } from "./course.ts";

/** A simulated client. */
export interface FederatedClient {
  /** Its components per module, r_k. */
  readonly rank: number;
  /** Its training rows; their number is its weight n_k. */
  readonly samples: readonly ModelRow[];
}

/** The server's side of the method. */
export interface ServerSettings {
  /** What each client holds and trains. */
  readonly distribution: Distribution;
  /** Which factors of its components it trains. */
  readonly factors: Factors;
  /** Combines a round's updates. */
  readonly aggregator: Aggregator;
  /** How components are picked by score. */
  readonly selection: SelectionSettings;
  /** The scope of `selection` by name, against which a client's own choice is checked. */
  readonly scopeName: Scope;
  /** First rounds, in which components are dealt round-robin instead of by score. */
  readonly warmupRounds: number;
}

/** What a session is opened with. */
export interface TrainableModel {
  /** The base model with its adapter and head. */
  readonly adapted: AdaptedModel;
  /** Batch shapes, one training and one evaluation program for each bucket. */
  readonly sizes: ProgramSizes;
  /** The base model's weights, read once when a session opens. */
  readonly weights: WeightLoader;
}

/** Everything a simulated run needs besides a device and its state. Plain data and pure functions. */
export interface Federation extends TrainableModel {
  /** The run's identifier, in every message. */
  readonly run: string;
  /** What every client knows. */
  readonly local: LocalSettings;
  /** How the server deals and combines. */
  readonly server: ServerSettings;
  /** How clients train, and whose models are evaluated. */
  readonly course: Course;
  /** LoRA's α; the adapted model's scale is α / r. */
  readonly alpha: number;
  /** All clients; their places are their indices, counted from 0. */
  readonly clients: readonly FederatedClient[];
  /** How many of them take part in a round, and how reliably. */
  readonly attendance: Attendance;
  /** Evaluated after every round. */
  readonly validation: readonly ModelRow[];
  /** Evaluated at the end; empty when the run leaves the test rows alone. */
  readonly test: readonly ModelRow[];
}

/** The adapter before the first round: A as PEFT starts it, B zero, the head drawn as its family does, all from the run's seed. */
export function initialBank(
  { adapted: { layout }, local, alpha }: Pick<Federation, "adapted" | "local" | "alpha">,
): AdapterBank {
  const head = layout.head.map(({ name, shape, deviation }) => {
    const stream = randomStream(local.seed, "head", name);
    const count = elementCount(shape);
    const draw = () => deviation === 0 ? 0 : deviation * stream.normal();
    const data = Float32Array.from({ length: count }, draw);
    return { name, shape, data };
  });
  return createBank({ modules: layout.modules, rank: layout.rank, alpha, seed: local.seed, head });
}
