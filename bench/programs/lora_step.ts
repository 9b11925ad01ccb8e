/**
 * A training step of a classifier with LoRA by the engine: frozen base with random weights, adapters of rank 8 on query and value, head, AdamW and
 * sensitivities. `deno run -A bench/programs/lora_step.ts --shape small|minilm|distilbert --device cpu|webgpu [--threads 2] [--size ROWS]`
 */

import type { Executor } from "../../src/engine/device.ts";
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
import { openDevice, readArguments } from "../harness/arguments.ts";
import { normals, randomIds } from "../harness/random_values.ts";
import { repeat } from "../harness/repetitions.ts";
import { bertConfig, LABELS, RANK, shapeOf, TOKENS, VOCABULARY } from "../harness/shapes.ts";

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
  sensitivityBeta1: 0.85,
  sensitivityBeta2: 0.85,
};

const options = readArguments(Deno.args);
const shape = shapeOf(options.shape);
const B = options.size ?? shape.batch;

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
};
const weights: WeightLoader = {
  load: (name, size) =>
    Promise.resolve(
      name.endsWith("LayerNorm.weight")
        ? new Float32Array(elementCount(size)).fill(1)
        : normals(elementCount(size), 0.02),
    ),
};
const sizes = {
  buckets: [TOKENS],
  batch: B,
  evaluationBatch: B,
  trainingRing: RING,
  evaluationRing: 1,
};
const device = await openDevice(options);
const spent = { encoding: 0 };
const executor = timeEncoding(await loadClassifier(device, classifier, sizes, weights), spent);
const session: Session = { executor, classifier, trainingRing: RING, evaluationRing: 1 };
const ones = targets.map(() => new Uint8Array(RANK).fill(1));
installAdapter(session, {
  modules: targets.map((module) => ({
    ...module,
    a: normals(RANK * module.inFeatures, 0.05),
    b: new Float32Array(module.outFeatures * RANK),
  })),
  head: layout.head.map(({ name, shape: size, deviation }) => ({
    name,
    shape: size,
    data: normals(elementCount(size), deviation),
  })),
  forward: ones,
});
installOptimizerState(session);

const batch: ClassifierBatch = {
  B,
  T: TOKENS,
  ids: randomIds(B * TOKENS, VOCABULARY),
  mask: new Uint32Array(B * TOKENS).fill(1),
  labels: randomIds(B, LABELS),
  weights: new Float32Array(B).fill(1 / B),
  poolWeights: Float32Array.from({ length: B * TOKENS }, (_, i) => i % TOKENS === 0 ? 1 : 0),
  rows: B,
};
const step: TrainingStep = { batch, factor: 1, seed: 0 };
let loss = NaN;

await repeat(
  { engine: executor.device.description, shape: shape.title, B, T: TOKENS, ...threadsOf(executor) },
  async (times) => {
    spent.encoding = 0;
    const losses = await train(session, OPTIMIZER, ones, Array<TrainingStep>(times).fill(step));
    loss = losses[losses.length - 1];
    if (!Number.isFinite(loss)) throw new Error(`Cannot go on measuring: the loss is ${loss}`);
  },
  options,
  (times) => ({ encodeSeconds: spent.encoding / times, loss }),
);
await executor.close();

/** The executor, with the seconds spent on handing it work counted in `total`. On the CPU device that includes the work itself. */
function timeEncoding(executor: Executor, total: { encoding: number }): Executor {
  const timed = (work: () => void): void => {
    const start = performance.now();
    work();
    total.encoding += (performance.now() - start) / 1000;
  };
  return {
    ...executor,
    write: (...parameters) => timed(() => executor.write(...parameters)),
    run: (program) => timed(() => executor.run(program)),
  };
}

function threadsOf({ device: { threads } }: Executor): { threads?: number } {
  return threads === undefined ? {} : { threads };
}
