/** A model with LoRA on a device, ready to take steps: frozen base, adapters of rank 8; a language model, or a classifier of 20 classes. @module */

import { makeTokenBatch } from "../../src/data/token_batches.ts";
import type { Device } from "../../src/engine/device.ts";
import { elementCount } from "../../src/engine/program.ts";
import type { AdaptedModel, BaseDtype } from "../../src/lora/adapted_model.ts";
import { packLayout } from "../../src/lora/layout.ts";
import { loadAdaptedModel, type ProgramSizes, type WeightLoader } from "../../src/lora/load.ts";
import {
  type DeviceBatch,
  installAdapter,
  installOptimizerState,
  type Session,
  train,
  type TrainingStep,
} from "../../src/lora/session.ts";
import { predictionsOf } from "../../src/lora/token_loss.ts";
import { type Model, readModel } from "../../src/models/mod.ts";
import { normals, randomIds, randomWeights } from "./random_values.ts";
import { bertConfig, type EncoderShape, LABELS, RANK, TOKENS } from "./shapes.ts";

/** Steps between two reads of the losses: more than a repetition takes. */
const RING = 256;
const OPTIMIZER = {
  learningRate: 1e-4,
  headLearningRate: 1e-4,
  weightDecay: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 0,
  proximal: 0,
  sensitivityBeta1: 0.85,
  sensitivityBeta2: 0.85,
};

/** A session that takes the same step again and again. */
export interface LoraSession {
  readonly session: Session;
  /** Takes so many steps and waits for them; the last one's loss, which is finite. */
  steps(times: number): Promise<number>;
}

/** What is adapted, and how a step is taken. */
export interface LoraTask {
  readonly model: Model;
  /** Classes of the head; absent where the next token is predicted. */
  readonly labels?: number;
  /** Matches the modules that are adapted. */
  readonly targets: RegExp;
  /** The base's tensors. */
  readonly weights: WeightLoader;
  /** Rows B and tokens T of a step. */
  readonly B: number;
  readonly T: number;
  readonly baseDtype: BaseDtype;
  readonly recompute: boolean;
}

/** BERT's layers with random weights, adapted on query and value: B rows of 128 tokens a step. */
export function encoderTask(shape: EncoderShape, B: number): LoraTask {
  return {
    model: readModel(bertConfig(shape)),
    labels: LABELS,
    targets: /\.(query|value)$/,
    weights: randomWeights,
    B,
    T: TOKENS,
    baseDtype: "f32",
    recompute: false,
  };
}

/** The adapted model of a task. */
export function adaptedModelOf(task: LoraTask): AdaptedModel {
  const { model, labels, targets, baseDtype, recompute } = task;
  const modules = model.modules.filter(({ name }) => targets.test(name));
  return {
    model,
    ...(labels !== undefined && { labels }),
    layout: packLayout(modules, RANK, labels === undefined ? [] : model.head(labels, () => true)),
    scale: 2,
    dropout: 0,
    loraDropout: 0,
    optimizer: "adamw",
    proximal: false,
    baseDtype,
    recompute,
  };
}

/** Sizes of a task's programs. */
function sizesOf({ B, T }: LoraTask): ProgramSizes {
  return { buckets: [T], batch: B, evaluationBatch: B, trainingRing: RING, evaluationRing: 1 };
}

/** Loads a task's programs and weights. */
export async function openLoraSession(device: Device, task: LoraTask): Promise<LoraSession> {
  const adapted = adaptedModelOf(task);
  const { layout } = adapted;
  const executor = await loadAdaptedModel(device, adapted, sizesOf(task), task.weights);
  const session: Session = { executor, adapted, trainingRing: RING, evaluationRing: 1 };
  const ones = layout.modules.map(() => new Uint8Array(RANK).fill(1));
  installAdapter(session, {
    modules: layout.modules.map((module) => ({
      ...module,
      a: normals(RANK * module.inFeatures, 0.05),
      b: new Float32Array(module.outFeatures * RANK),
    })),
    head: layout.head.map(({ name, shape, deviation }) => ({
      name,
      shape,
      data: normals(elementCount(shape), deviation),
    })),
    forward: ones,
  });
  installOptimizerState(session);
  const step: TrainingStep = { batches: [{ batch: batchOf(task), seed: 0 }], factor: 1 };
  return {
    session,
    async steps(times) {
      const losses = await train(
        session,
        OPTIMIZER,
        { train: ones },
        Array<TrainingStep>(times).fill(step),
      );
      const loss = losses[losses.length - 1];
      if (!Number.isFinite(loss)) throw new Error(`Cannot go on measuring: the loss is ${loss}`);
      return loss;
    },
  };
}

/** Rows without padding. */
function batchOf({ model, labels, B, T }: LoraTask): DeviceBatch {
  const ids = randomIds(B * T, model.vocabulary);
  if (labels === undefined) {
    const rows = Array.from({ length: B }, (_, row) => ({
      ids: ids.subarray(row * T, (row + 1) * T),
      documents: new Uint32Array(T).fill(1),
      learned: new Uint8Array(T).fill(1),
    }));
    return makeTokenBatch(rows, B, [T], 0, 1 / predictionsOf(B, T));
  }
  return {
    B,
    T,
    ids,
    mask: new Uint32Array(B * T).fill(1),
    labels: randomIds(B, labels),
    weights: new Float32Array(B).fill(1 / B),
    // A row is pooled on its first token.
    poolWeights: Float32Array.from({ length: B * T }, (_, i) => i % T === 0 ? 1 : 0),
    rows: B,
  };
}
