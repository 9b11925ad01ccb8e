/**
 * The programs of a sequence classifier with LoRA: a training step and an evaluation batch, one each per bucket length.
 *
 * All programs of a run share their buffers by name; {@linkcode BUFFERS} lists those that the host writes and reads.
 *
 * @module
 */

import type { DeviceInfo } from "../engine/device.ts";
import { lower } from "../engine/lower.ts";
import { dropout } from "../engine/ops/dropout.ts";
import { crossEntropy } from "../engine/ops/cross_entropy.ts";
import { linear, loraLinear } from "../engine/ops/matmul.ts";
import type { OptimizerKind } from "../engine/ops/optimizer.ts";
import { pool } from "../engine/ops/pool.ts";
import { record } from "../engine/ops/record.ts";
import { recompute } from "../engine/recompute.ts";
import {
  bufferTensor,
  createProgram,
  declareBuffer,
  type Program,
  SLICE_ALIGNMENT,
  sliceTensor,
  type Tensor,
} from "../engine/program.ts";
import type { Model, ModelContext, ModelInputs } from "../models/family.ts";
import { loraAName, loraBName } from "../protocol/tensor_names.ts";
import type { PackedLayout, Slice } from "./layout.ts";
import { OPTIMIZER_BUFFERS, type Parameter, trainPacked } from "./train_packed.ts";

/** Names of the buffers that the host writes and reads. */
export const BUFFERS = {
  ids: "ids",
  mask: "mask",
  positions: "positions",
  poolWeights: "pool weights",
  labels: "labels",
  weights: "row weights",
  ...OPTIMIZER_BUFFERS,
  seed: "dropout seed",
  cursor: "cursor",
  forwardMask: "forward mask",
  adapter: "adapter",
  trainLosses: "training losses",
  evaluationLosses: "evaluation losses",
  logits: "logits",
} as const;

/** How a device can store the frozen base weights, in the order users see them. */
export const baseDtypes = ["f32", "f16", "int8"] as const;

/** How frozen matrices are stored: in single or half precision, or as bytes with a scale a row; what is computed with them is f32 in any case. */
export type BaseDtype = typeof baseDtypes[number];

/** What is the same for every program of a run. */
export interface Classifier {
  /** Architecture of the base model. */
  readonly model: Model;
  /** Number of classes, at least 2. */
  readonly labels: number;
  /** The adapted modules and the head, with their places in the packed buffers. */
  readonly layout: PackedLayout;
  /** s = α / r, the same on every tier. */
  readonly scale: number;
  /** Dropout probability inside the base model, in [0, 1); training programs only. */
  readonly dropout: number;
  /** Dropout probability on the adapters' input, in [0, 1); training programs only. */
  readonly loraDropout: number;
  /** Which optimizer's step ends a training program. */
  readonly optimizer: OptimizerKind;
  /** Whether a training step can pull to the adapter that was installed (FedProx); how strongly is an optimizer setting. */
  readonly proximal: boolean;
  /** How frozen matrices are stored: weights of linear layers and embedding tables. Norms, biases, adapters and head are f32. */
  readonly baseDtype: BaseDtype;
  /** Whether a training step runs layers again in its backward pass instead of keeping what they computed. Results do not depend on it. */
  readonly recompute: boolean;
}

/** The size of a program: B rows of T tokens, and how many runs its ring of results holds. */
export interface ProgramSize {
  /** Rows of a batch. */
  readonly B: number;
  /** Tokens of a row, a bucket's length. */
  readonly T: number;
  /** Runs whose results fit before they are read. */
  readonly ring: number;
}

/** A lowered program, and the constants its family computed for it, by buffer. */
export interface BuiltProgram {
  /** The program, ready for a device. */
  readonly program: Program;
  /** Values of weight buffers that the checkpoint does not hold. */
  readonly constants: ReadonlyMap<string, Float32Array>;
}

/** Elements between the forward masks of two modules. */
export function maskStride(layout: PackedLayout): number {
  return Math.ceil(layout.rank / SLICE_ALIGNMENT) * SLICE_ALIGNMENT;
}

/** A training step: loss of one batch, gradients of adapter and head, optimizer step, sensitivity EMA. Row losses go to a ring of `ring` rows. */
export function buildTraining(
  classifier: Classifier,
  size: ProgramSize,
  device: DeviceInfo["kind"],
): BuiltProgram {
  const { layout, optimizer, proximal } = classifier;
  const builder = startProgram(`train ${size.B}×${size.T}`, classifier, size, device, true);
  const { program, loss, parameters, cursor } = builder;
  trainPacked(program, loss, parameters, { name: BUFFERS.adapter, layout, optimizer, proximal });
  record(program, loss, cursor, BUFFERS.trainLosses, size.ring);
  const lowered = lower(program);
  return {
    program: classifier.recompute ? recompute(lowered) : lowered,
    constants: builder.constants,
  };
}

/** Row losses and logits of one batch, without dropout, into rings of `ring` rows. */
export function buildEvaluation(
  classifier: Classifier,
  size: ProgramSize,
  device: DeviceInfo["kind"],
): BuiltProgram {
  const builder = startProgram(`evaluate ${size.B}×${size.T}`, classifier, size, device, false);
  record(builder.program, builder.logits, builder.cursor, BUFFERS.logits, size.ring);
  record(builder.program, builder.loss, builder.cursor, BUFFERS.evaluationLosses, size.ring);
  return { program: lower(builder.program), constants: builder.constants };
}

interface Forward {
  readonly program: Program;
  readonly logits: Tensor;
  /** Weighted loss of each row, [B]. */
  readonly loss: Tensor;
  readonly parameters: readonly Parameter[];
  readonly cursor: Tensor;
  readonly constants: ReadonlyMap<string, Float32Array>;
}

function startProgram(
  name: string,
  classifier: Classifier,
  { B, T }: ProgramSize,
  device: DeviceInfo["kind"],
  training: boolean,
): Forward {
  const { model, labels, layout } = classifier;
  const program = createProgram(name);
  const inputs: ModelInputs = {
    ids: bufferTensor(program, "input", BUFFERS.ids, [B, T], "u32"),
    mask: bufferTensor(program, "input", BUFFERS.mask, [B, T], "u32"),
    positions: bufferTensor(program, "input", BUFFERS.positions, [B, T], "u32"),
    poolWeights: bufferTensor(program, "input", BUFFERS.poolWeights, [B, T]),
  };
  const constants = new Map<string, Float32Array>();
  const parameters: Parameter[] = [];
  const context = createContext(
    program,
    device,
    inputs,
    classifier,
    training,
    constants,
    parameters,
  );
  const pooled = pool(program, model.encode(context), inputs.poolWeights);
  const logits = model.classify(context, pooled, labels);
  const loss = crossEntropy(
    program,
    logits,
    bufferTensor(program, "input", BUFFERS.labels, [B], "u32"),
    bufferTensor(program, "input", BUFFERS.weights, [B]),
  );
  checkAllUsed(layout, parameters);
  const cursor = bufferTensor(program, "input", BUFFERS.cursor, [1], "u32");
  return { program, logits, loss, parameters, cursor, constants };
}

function createContext(
  program: Program,
  device: DeviceInfo["kind"],
  inputs: ModelInputs,
  { layout, scale, dropout: baseRate, loraDropout, baseDtype }: Classifier,
  training: boolean,
  constants: Map<string, Float32Array>,
  parameters: Parameter[],
): ModelContext {
  declareBuffer(program, {
    name: BUFFERS.adapter,
    dtype: "f32",
    role: "state",
    length: layout.length,
  });
  const masks = layout.modules.length * maskStride(layout);
  declareBuffer(program, {
    name: BUFFERS.forwardMask,
    dtype: "u32",
    role: "input",
    length: Math.max(masks, 1),
  });
  const frozen = new Map<string, Tensor>();
  const headIndex = new Map(layout.head.map((tensor, i) => [tensor.name, i]));
  const moduleIndex = new Map(layout.modules.map((module, m) => [module.name, m]));
  // One input for all sites; each site has a stream of its own. Declared where nothing is dropped too, so that a step is always written alike.
  const seed = bufferTensor(program, "input", BUFFERS.seed, [1], "u32");
  let streams = 0;
  const drop = (x: Tensor, rate: number): Tensor => {
    const stream = streams++;
    return training ? dropout(program, x, seed, rate, stream) : x;
  };
  const parameter = (name: string, slice: Slice): Tensor => {
    const tensor = sliceTensor(program, BUFFERS.adapter, name, slice.shape, slice.offset);
    parameters.push({ tensor, slice });
    return tensor;
  };
  const once = (name: string, create: () => Tensor): Tensor => {
    const tensor = frozen.get(name) ?? create();
    frozen.set(name, tensor);
    return tensor;
  };
  const context: ModelContext = {
    program,
    device,
    inputs,
    weight(name, shape) {
      const head = headIndex.get(name);
      return once(
        name,
        () =>
          head === undefined
            ? bufferTensor(program, "weight", name, shape, shape.length < 2 ? "f32" : baseDtype)
            : parameter(name, layout.headSlices[head]),
      );
    },
    constant(name, shape, data) {
      constants.set(name, data);
      return once(name, () => bufferTensor(program, "weight", name, shape));
    },
    linear(name, x, outFeatures, hasBias) {
      const inFeatures = x.shape[x.shape.length - 1];
      const weight = context.weight(`${name}.weight`, [outFeatures, inFeatures]);
      const bias = hasBias ? context.weight(`${name}.bias`, [outFeatures]) : undefined;
      const m = moduleIndex.get(name);
      if (m === undefined) return linear(program, x, weight, bias);
      const adapter = {
        a: parameter(loraAName(name), layout.a[m]),
        b: parameter(loraBName(name), layout.b[m]),
        mask: sliceTensor(
          program,
          BUFFERS.forwardMask,
          `${name} forward mask`,
          [layout.rank],
          m * maskStride(layout),
        ),
        scale,
      };
      return loraLinear(program, x, weight, bias, adapter, drop(x, loraDropout));
    },
    dropout: (x) => drop(x, baseRate),
    drops: training && baseRate > 0,
  };
  return context;
}

/** Every packed tensor must take part in the forward pass: one that does not would be averaged and exported without ever having been trained. */
function checkAllUsed(layout: PackedLayout, parameters: readonly Parameter[]): void {
  const used = new Set(parameters.map(({ slice }) => slice));
  const unusedModule = layout.modules.findIndex((_, m) => !used.has(layout.a[m]));
  const unusedHead = layout.head.findIndex((_, i) => !used.has(layout.headSlices[i]));
  const name = layout.modules[unusedModule]?.name ?? layout.head[unusedHead]?.name;
  if (name !== undefined) {
    throw new Error(`Cannot build the classifier: "${name}" does not take part in it`);
  }
}
