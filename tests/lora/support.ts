/** Models with LoRA over the tiny models of tests/golden. */

import { maskedPoolingWeights, type Pooling } from "../../src/data/batches.ts";
import type { Device } from "../../src/engine/device.ts";
import { elementCount } from "../../src/engine/program.ts";
import { BUFFERS } from "../../src/lora/buffers.ts";
import type { AdaptedModel } from "../../src/lora/adapted_model.ts";
import { packLayout, type Slice } from "../../src/lora/layout.ts";
import { loadAdaptedModel, type ProgramSizes } from "../../src/lora/load.ts";
import type { OptimizerSettings } from "../../src/lora/optimizer_settings.ts";
import { evaluate } from "../../src/lora/evaluate.ts";
import { openModelWeights } from "../../src/lora/model_weights.ts";
import { exportPeft, type PeftFiles, type PeftSettings } from "../../src/lora/peft.ts";
import {
  type ClassifierBatch,
  installAdapter,
  type InstalledAdapter,
  installOptimizerState,
  type Session,
  type TrainingStep,
} from "../../src/lora/session.ts";
import { type Model, readModel } from "../../src/models/mod.ts";
import type { ModuleComponents, NamedTensor } from "../../src/protocol/bank.ts";
import type { WeightSource } from "../../src/weights/mod.ts";
import { readJson, readTinyWeights, type Values } from "../models/support.ts";
import { type Golden, readGolden } from "../reference/read_golden.ts";
import { memoryFiles } from "../weights/memory_files.ts";

/** Labels, and rows and tokens of every batch, of the tiny models. */
export const [LABELS, B, T] = [3, 4, 12];

/** A tiny model with its weights and what PyTorch computes with it. */
export interface TinyModel {
  readonly family: string;
  /** The parsed config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly model: Model;
  readonly weights: ReadonlyMap<string, Values>;
  readonly golden: Golden;
  readonly rank: number;
  readonly scale: number;
}

/** Reads the tiny model of a family. */
export async function readTinyModel(family: string): Promise<TinyModel> {
  const golden = await readGolden(`${family}/golden.safetensors`);
  const config = readJson(new URL(`../golden/${family}/config.json`, import.meta.url));
  const rank = Number(golden.metadata.rank);
  return {
    family,
    config,
    model: readModel(config),
    weights: readTinyWeights(family),
    golden,
    rank,
    scale: Number(golden.metadata.alpha) / rank,
  };
}

/** The tiny model as the files of a model folder hold it. */
export async function readWritten(
  tiny: TinyModel,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<TinyModel> {
  const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
  const model = readModel(config);
  const stored = await openModelWeights(memoryFiles(files), model);
  const weights = new Map<string, Values>();
  for (const [name, { shape }] of tiny.weights) {
    if (stored.has(name)) weights.set(name, { shape, data: await stored.load(name, shape) });
  }
  return { ...tiny, config, model, weights };
}

/** A tiny model's weights, as a checkpoint's are read. */
export function weightsOf(
  { weights }: TinyModel,
): Pick<WeightSource, "has" | "shape" | "load"> {
  return {
    has: (name) => weights.has(name),
    shape: (name) => weights.get(name)!.shape,
    load: (name) => Promise.resolve(weights.get(name)!.data),
  };
}

/** The classifier of a tiny model: the golden's rank and scale on every attention projection. */
export function classifierOf(
  { model, weights, rank, scale }: TinyModel,
  changes: Partial<AdaptedModel> = {},
): AdaptedModel {
  const targets = model.modules.filter(({ name }) => model.defaultTargets.test(name));
  return {
    model,
    labels: LABELS,
    layout: packLayout(targets, rank, model.head(LABELS, (name) => weights.has(name))),
    scale,
    dropout: 0,
    loraDropout: 0,
    optimizer: "adamw",
    proximal: false,
    baseDtype: "f32",
    recompute: false,
    ...changes,
  };
}

/** A tiny model as a language model: the golden's rank and scale on every attention projection, no head. */
export function languageModelOf(
  tiny: TinyModel,
  changes: Partial<AdaptedModel> = {},
): AdaptedModel {
  const { labels: _, layout, ...adapted } = classifierOf(tiny);
  return { ...adapted, layout: packLayout(layout.modules, layout.rank, []), ...changes };
}

/** Rings are shorter than most runs of the tests, so that they wrap around. */
const SIZES: ProgramSizes = {
  buckets: [T],
  batch: B,
  evaluationBatch: B,
  trainingRing: 8,
  evaluationRing: 2,
};

/** Loads an adapted model, or what `changes` make of it or a whole model is given in their place, gives a session on it to `body`, and closes it. */
export async function withSession<Result>(
  device: Device,
  tiny: TinyModel,
  body: (session: Session) => Promise<Result>,
  changes: Partial<AdaptedModel> = {},
  sizeChanges: Partial<ProgramSizes> = {},
): Promise<Result> {
  const adapted = "model" in changes ? changes as AdaptedModel : classifierOf(tiny, changes);
  const sizes = { ...SIZES, ...sizeChanges };
  const executor = await loadAdaptedModel(device, adapted, sizes, weightsOf(tiny));
  try {
    const { trainingRing, evaluationRing } = sizes;
    return await body({ executor, adapted, trainingRing, evaluationRing });
  } finally {
    await executor.close();
  }
}

/** The golden's adapter, all of it in use; B as stored, or zero as training starts. */
export function goldenAdapter(tiny: TinyModel, b: "stored" | "zero"): InstalledAdapter {
  const { layout } = classifierOf(tiny);
  const values = (name: string) => Float32Array.from(tiny.golden.tensor(name).data);
  const modules = layout.modules.map((module): ModuleComponents => ({
    ...module,
    a: values(`lora.${module.name}.a`),
    b: b === "stored"
      ? values(`lora.${module.name}.b`)
      : new Float32Array(module.outFeatures * layout.rank),
  }));
  const head = layout.head.map(({ name, shape }): NamedTensor => ({
    name,
    shape,
    data: tiny.weights.get(name)!.data,
  }));
  return { modules, head, forward: everywhere(tiny, 1) };
}

/** Modules of which every other one does without its last component. */
export function withLowerRanks(
  modules: readonly ModuleComponents[],
  rank: number,
): ModuleComponents[] {
  return modules.map((module, m) => ({
    ...module,
    b: module.b.map((value, at) => m % 2 === 0 && at % rank === rank - 1 ? 0 : value),
  }));
}

/** An adapter of the tiny model's rank and scale, as PEFT's files. */
export function exportTiny(
  { family, rank, scale }: TinyModel,
  { modules, head }: Pick<InstalledAdapter, "modules" | "head">,
  settings: Partial<PeftSettings> = {},
): PeftFiles {
  const bank = { rank, alpha: scale * rank, modules, head };
  return exportPeft(bank, { baseModel: family, loraDropout: 0, ...settings });
}

/** Masks with one value for all components. */
export function everywhere(tiny: TinyModel, value: 0 | 1): Uint8Array[] {
  const { modules, rank } = classifierOf(tiny).layout;
  return modules.map(() => new Uint8Array(rank).fill(value));
}

/** Installs an adapter with zeroed optimizer state. */
export function install(session: Session, adapter: InstalledAdapter): void {
  installAdapter(session, adapter);
  installOptimizerState(session);
}

/** The golden's training batches, pooled as Hugging Face's head of the family does. The first is that of its gradients. */
export function goldenBatches({ golden }: TinyModel): ClassifierBatch[] {
  const count = golden.tensor("batches.labels").shape[0];
  const pooling = golden.metadata.pooling as Pooling;
  return Array.from({ length: count }, (_, i) => {
    const part = (name: string, size: number) =>
      Uint32Array.from(
        golden.tensor(`batches.${name}`).data.subarray(i * size, (i + 1) * size),
      );
    const mask = part("attention_mask", B * T);
    return {
      B,
      T,
      ids: part("input_ids", B * T),
      mask,
      labels: part("labels", B),
      weights: new Float32Array(B).fill(1 / B),
      poolWeights: maskedPoolingWeights({ B, T, mask }, pooling),
      rows: B,
    };
  });
}

/** `count` steps over the batches in turn, at the full learning rate; step i with the seed that `seedOf` gives. */
export function stepsOver(
  batches: readonly ClassifierBatch[],
  count: number,
  seedOf: (step: number) => number = () => 0,
): TrainingStep[] {
  return Array.from(
    { length: count },
    (_, i) => ({ batches: [{ batch: batches[i % batches.length], seed: seedOf(i) }], factor: 1 }),
  );
}

/** The optimizer of the goldens. */
export const GOLDEN_OPTIMIZER: OptimizerSettings = {
  learningRate: 1e-2,
  headLearningRate: 3e-2,
  weightDecay: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 1,
  proximal: 0,
  sensitivityBeta1: 0.85,
  sensitivityBeta2: 0.85,
};

/** The optimizer that moves nothing. */
export const STANDSTILL: OptimizerSettings = {
  ...GOLDEN_OPTIMIZER,
  learningRate: 0,
  headLearningRate: 0,
};

/** Logits [B, labels] of one batch with the installed adapter. */
export async function logitsOf(session: Session, batch: ClassifierBatch): Promise<Float32Array> {
  await evaluate(session, [batch]);
  return await session.executor.read("logits", 0, B * LABELS) as Float32Array;
}

/** The gradients of the last training step, by module and matrix, or by head tensor. */
export async function readGradients(session: Session): Promise<Map<string, Float32Array>> {
  const { executor, adapted: { layout } } = session;
  const packed = await executor.read(BUFFERS.gradient) as Float32Array;
  const at = ({ offset, shape }: Slice) => packed.subarray(offset, offset + elementCount(shape));
  return new Map([
    ...layout.modules.map(({ name }, m) => [`${name}.a`, at(layout.a[m])] as const),
    ...layout.modules.map(({ name }, m) => [`${name}.b`, at(layout.b[m])] as const),
    ...layout.head.map(({ name }, i) => [name, at(layout.headSlices[i])] as const),
  ]);
}
