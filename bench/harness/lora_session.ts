/** A classifier with LoRA on a device, ready to take steps: frozen base with random weights, adapters of rank 8 on query and value, head. @module */

import type { Device } from "../../src/engine/device.ts";
import { elementCount } from "../../src/engine/program.ts";
import type { Classifier } from "../../src/lora/classifier.ts";
import { packLayout } from "../../src/lora/layout.ts";
import { loadClassifier, type WeightLoader } from "../../src/lora/load.ts";
import {
  type ClassifierBatch,
  installAdapter,
  installOptimizerState,
  type Session,
  train,
  type TrainingStep,
} from "../../src/lora/session.ts";
import { readModel } from "../../src/models/mod.ts";
import { normals, randomIds } from "./random_values.ts";
import { bertConfig, type EncoderShape, LABELS, RANK, TOKENS, VOCABULARY } from "./shapes.ts";

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

/** Loads a step of B rows of 128 tokens. */
export async function openLoraSession(
  device: Device,
  shape: EncoderShape,
  B: number,
): Promise<LoraSession> {
  const model = readModel(bertConfig(shape));
  const targets = model.modules.filter(({ name }) => /\.(query|value)$/.test(name));
  const layout = packLayout(targets, RANK, model.head(LABELS, () => true));
  const classifier: Classifier = {
    model,
    labels: LABELS,
    layout,
    scale: 2,
    dropout: 0,
    loraDropout: 0,
    optimizer: "adamw",
    proximal: false,
    baseDtype: "f32",
    recompute: false,
  };
  const sizes = {
    buckets: [TOKENS],
    batch: B,
    evaluationBatch: B,
    trainingRing: RING,
    evaluationRing: 1,
  };
  const executor = await loadClassifier(device, classifier, sizes, randomWeights);
  const session: Session = { executor, classifier, trainingRing: RING, evaluationRing: 1 };
  const ones = targets.map(() => new Uint8Array(RANK).fill(1));
  installAdapter(session, {
    modules: targets.map((module) => ({
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
  const step: TrainingStep = { batch: randomBatch(B), factor: 1, seed: 0 };
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

const randomWeights: WeightLoader = {
  load: (name, shape) =>
    Promise.resolve(
      name.endsWith("LayerNorm.weight")
        ? new Float32Array(elementCount(shape)).fill(1)
        : normals(elementCount(shape), 0.02),
    ),
};

/** Rows without padding, pooled on their first token. */
function randomBatch(B: number): ClassifierBatch {
  return {
    B,
    T: TOKENS,
    ids: randomIds(B * TOKENS, VOCABULARY),
    mask: new Uint32Array(B * TOKENS).fill(1),
    labels: randomIds(B, LABELS),
    weights: new Float32Array(B).fill(1 / B),
    poolWeights: Float32Array.from({ length: B * TOKENS }, (_, i) => i % TOKENS === 0 ? 1 : 0),
    rows: B,
  };
}
