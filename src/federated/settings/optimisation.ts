/** Local training. @module */

import { type OptimizerKind, optimizerKinds } from "../../engine/ops/optimizer.ts";
import { type ScheduleKind, scheduleKinds } from "../../lora/schedule.ts";
import { choice, number, whole } from "../setting_kinds.ts";
import { adapting } from "./method.ts";
import { classifying } from "./model.ts";
import { type Conditions, count, positive, type SettingRows, share } from "./rows.ts";

/** Settings of local training. */
export interface OptimisationConfig {
  /** Steps a client takes each round. */
  readonly localSteps: number;
  /** Rows B of a batch. */
  readonly batch: number;
  /** Batches of a training step, whose gradients are added up. */
  readonly accumulate: number;
  /** What moves the weights in a local step. */
  readonly optimizer: OptimizerKind;
  /** Learning rate of the adapters, before the schedule. */
  readonly lr: number;
  /** Learning rate of the classification head, before the schedule. */
  readonly headLr: number;
  /** Decoupled weight decay of adapters and head; a step shrinks a trained weight by learning rate × decay. */
  readonly weightDecay: number;
  /** AdamW's first-moment decay. */
  readonly adamBeta1: number;
  /** AdamW's second-moment decay. */
  readonly adamBeta2: number;
  /** AdamW's ε, added to the root of the second moment. */
  readonly adamEps: number;
  /** Largest L2 norm of a step's gradient over all that is trained, a proximal term's part included; 0 does not clip. */
  readonly clipNorm: number;
  /** FedProx's μ: a client's loss gains μ/2 times the squared distance of what it trains from what it received; 0: nothing. */
  readonly proximal: number;
  /** Learning rate over the steps of all rounds. */
  readonly schedule: ScheduleKind;
  /** First steps of the run, over which the learning rate rises from 0. */
  readonly warmupSteps: number;
}

/** Their defaults. */
export const optimisationDefaults: OptimisationConfig = {
  localSteps: 20,
  batch: 16,
  accumulate: 1, // more where the rows of a step do not fit into memory at once
  optimizer: "adamw",
  lr: 1e-2, // high, as B starts at zero and Adam's moments start anew each round
  headLr: 3e-2, // the head starts from nothing, the adapter from a pretrained model
  weightDecay: 0, // decay pulls towards zero what few clients own; the runs are short
  adamBeta1: 0.9, // Adam's own defaults, these three
  adamBeta2: 0.999,
  adamEps: 1e-8,
  clipNorm: 1, // rarely reached; keeps one odd batch from undoing a round
  proximal: 0, // few steps a round leave little to pull back from; FedProx (Li et al. 2020) tries 0.001 to 1
  schedule: "cosine", // the rounds of a constant rate differ by up to six points and end six lower, see docs/study/20-newsgroups.md
  warmupSteps: 0,
};

const adamw: Conditions = { optimizer: ["adamw"] };

/** Their rows in the table of settings. */
export const optimisationRows: SettingRows<OptimisationConfig> = {
  localSteps: { kind: count, help: "steps a client takes each round" },
  batch: { kind: count, help: "rows a batch; a step takes one unless it accumulates" },
  accumulate: { kind: count, help: "batches a step, whose gradients are added up" },
  optimizer: {
    kind: choice(optimizerKinds),
    help: optimizerKinds.join(" or "),
  },
  lr: {
    kind: positive,
    help: "learning rate of the adapters",
    only: adapting,
  },
  headLr: {
    kind: number({ least: 0 }),
    help: "learning rate of the classification head",
    only: classifying,
  },
  weightDecay: {
    kind: number({ least: 0 }),
    help: "decoupled weight decay",
  },
  adamBeta1: { kind: share, help: "AdamW's first-moment decay", only: adamw },
  adamBeta2: { kind: share, help: "AdamW's second-moment decay", only: adamw },
  adamEps: { kind: positive, help: "AdamW's epsilon", only: adamw },
  clipNorm: {
    kind: number({ least: 0 }),
    help: "largest norm of a step's gradient; 0 does not clip",
  },
  proximal: {
    kind: number({ least: 0 }),
    help: "FedProx's mu, the pull of a client's loss to what it received; 0 does not pull",
  },
  schedule: {
    kind: choice(scheduleKinds),
    help: `learning rate over the rounds: ${
      scheduleKinds.join(", ")
    }; with constant a run can be continued for more rounds`,
  },
  warmupSteps: {
    kind: whole({ least: 0 }),
    help: "first steps, over which the learning rate rises from 0",
  },
};
