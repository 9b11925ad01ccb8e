/** The base model, and how adapters stand in it. @module */

import { type Pooling, poolings } from "../../data/batches.ts";
import { type BaseDtype, baseDtypes } from "../../lora/adapted_model.ts";
import { languageTasks, type Task, tasks } from "../../protocol/task.ts";
import { choice, optional, pattern, text } from "../setting_kinds.ts";
import { type Conditions, positive, type SettingRows, share } from "./rows.ts";

/** Settings of the base model and of its adapters. */
export interface BaseModelConfig {
  /** What the model is trained for. */
  readonly task: Task;
  /** Model folder in Hugging Face layout, or hub id; null: the built-in base. */
  readonly model: string | null;
  /** Branch, tag or commit of a hub model; null: main. */
  readonly revision: string | null;
  /** How a text's token states [T, C] become one vector [C]: mean, first or last real token. */
  readonly pooling: Pooling;
  /** Modules to adapt: a regular expression, or ends of their names parted by commas; null: all attention projections. */
  readonly targets: string | null;
  /** LoRA's α; B·A is scaled by α / rank, the server's rank on every tier. */
  readonly alpha: number;
  /** Dropout probability on the adapters' input, in training. */
  readonly loraDropout: number;
  /** Dropout probability inside the base model, in training. */
  readonly dropout: number;
  /** Precision in which the frozen base's matrices are stored on the device. */
  readonly baseDtype: BaseDtype;
}

/** Their defaults. */
export const modelDefaults: BaseModelConfig = {
  task: "classify", // the method's published experiments
  model: null, // the built-in base: a fresh clone trains without a network
  revision: null, // the hub's main branch
  pooling: "mean", // a decoder with causal masks and a short post: the mean uses every token's state
  targets: null, // all attention projections, LoRA's original choice (Hu et al. 2021)
  alpha: 16, // with rank 8 the usual alpha = 2·rank
  loraDropout: 0, // a client takes a few dozen steps a round: too few to overfit the adapter
  dropout: 0, // the same, and the frozen base then gives the same states in training and evaluation
  baseDtype: "f32", // the checkpoint as it is; f16 rounds it to 11 significant bits, int8 to 255 steps a row, for where memory is short
};

/** Where a head reads a text's pooled states. */
export const classifying: Conditions = { task: ["classify"] };

/** Where the next token is predicted. */
export const continuing: Conditions = { task: languageTasks };

/** Their rows in the table of settings. */
export const modelRows: SettingRows<BaseModelConfig> = {
  task: {
    kind: choice(tasks),
    help: "what is learned: classify (a label a text), lm (the next token of texts) or chat " +
      "(the assistant's replies)",
  },
  model: {
    kind: optional(text("<folder|id>")),
    help: "model folder in Hugging Face layout, or hub id (default: the built-in base)",
  },
  revision: {
    kind: optional(text("<name>")),
    help: "branch, tag or commit of a hub model (default: main)",
  },
  pooling: {
    kind: choice(poolings),
    help: "how token states become one: mean, first or last real token",
    only: classifying,
  },
  targets: {
    kind: optional(pattern("<pattern>")),
    help: "modules to adapt: regular expression or names parted by commas (default: all " +
      "attention projections)",
  },
  alpha: { kind: positive, help: "LoRA's alpha; the scale is alpha / rank" },
  loraDropout: { kind: share, help: "dropout on the adapters' input" },
  dropout: { kind: share, help: "dropout inside the base model" },
  baseDtype: {
    kind: choice(baseDtypes),
    help: "storage of the frozen base: f32, f16 in half the memory, or int8 in a quarter",
  },
};
