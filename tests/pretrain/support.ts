/** A tiny model of each objective, with a made-up corpus. */

import { type Model, readModel } from "../../src/models/mod.ts";
import {
  batchesOf,
  type Objective,
  predictionCount,
  type PretrainBatch,
  type TokenCorpus,
} from "../../src/pretrain/batches.ts";
import type { PretrainSizes } from "../../src/pretrain/programs.ts";
import type { PretrainSettings } from "../../src/pretrain/settings.ts";
import { randomStream } from "../../src/protocol/random.ts";

/** Token ids; the first five are special. */
export const V = 40;

const shape = {
  vocab_size: V,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: 12,
  tie_word_embeddings: true,
};

/** A model to pretrain with its objective. */
export interface Task {
  readonly name: string;
  readonly model: Model;
  readonly objective: Objective;
}

/** Both objectives. */
export const tasks: readonly Task[] = [
  {
    name: "masked BERT",
    model: readModel({ model_type: "bert", ...shape }),
    objective: {
      kind: "masked",
      start: 2,
      end: 3,
      rate: 0.3,
      tokens: { mask: 4, vocabulary: V, special: new Set([0, 1, 2, 3, 4]) },
    },
  },
  {
    name: "next-token Llama",
    model: readModel({ model_type: "llama", ...shape }),
    objective: { kind: "next" },
  },
];

/** Settings of a short pretraining. */
export const settings: PretrainSettings = {
  batch: 3,
  tokens: 12,
  steps: 1000,
  learningRate: 0.02,
  warmupSteps: 0,
  decaySteps: 0,
  weightDecay: 0.01,
  maskRate: 0.3,
  seed: 5,
};

/** Random ordinary tokens. */
export const corpus: TokenCorpus = {
  length: 2000,
  read(start, count) {
    return Uint32Array.from(
      { length: count },
      (_, i) => 5 + randomStream(3, "token", start + i).integer(V - 5),
    );
  },
};

/** The sizes of a task's programs. */
export function sizesOf({ objective }: Task): PretrainSizes {
  const { batch: B, tokens: T } = settings;
  return { B, T, P: predictionCount(objective, B, T), ring: 4 };
}

/** The batch of a step. */
export function batchOf({ objective }: Task, step: number): PretrainBatch {
  return batchesOf(objective, corpus, settings)(step);
}
