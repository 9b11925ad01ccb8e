/**
 * The programs of a model with LoRA, a sequence classifier or a language model: a training step and an evaluation batch, one each per bucket length.
 *
 * All programs of a run share their buffers by name; {@linkcode BUFFERS} lists those that the host writes and reads.
 *
 * @module
 */

import type { DeviceInfo } from "../engine/device.ts";
import { lower } from "../engine/lower.ts";
import { crossEntropy } from "../engine/ops/cross_entropy.ts";
import type { OptimizerKind } from "../engine/ops/optimizer.ts";
import { pool } from "../engine/ops/pool.ts";
import { record } from "../engine/ops/record.ts";
import { bufferTensor, createProgram, type Program, type Tensor } from "../engine/program.ts";
import { recompute } from "../engine/recompute.ts";
import type { Model, ModelContext } from "../models/family.ts";
import { createContext } from "./adapted_context.ts";
import { BUFFERS } from "./buffers.ts";
import type { PackedLayout } from "./layout.ts";
import { predictionsOf, tokenLoss } from "./token_loss.ts";
import {
  accumulatePacked,
  OPTIMIZER_BUFFERS,
  type PackedTraining,
  packGradients,
  type Parameter,
  stepPacked,
} from "./train_packed.ts";

/** The program of {@linkcode buildStep}. */
export const STEP_PROGRAM = "step";

/** How a device can store the frozen base weights, in the order users see them. */
export const baseDtypes = ["f32", "f16", "int8"] as const;

/** How frozen matrices are stored: in single or half precision, or as bytes with a scale a row; what is computed with them is f32 in any case. */
export type BaseDtype = typeof baseDtypes[number];

/** What is the same for every program of a run. */
export interface AdaptedModel {
  /** Architecture of the base model. */
  readonly model: Model;
  /** Number of classes, at least 2; absent where the model predicts the next token. */
  readonly labels?: number;
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
  /** Whether training programs leave the step to a program of its own, so that the gradients of several batches come to one step (default: no). */
  readonly accumulate?: boolean;
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

/** A training step: loss of one batch, gradients of adapter and head, optimizer step, sensitivity EMA. Row losses go to a ring of `ring` rows. */
export function buildTraining(
  adapted: AdaptedModel,
  size: ProgramSize,
  device: DeviceInfo["kind"],
): BuiltProgram {
  const { layout, accumulate = false } = adapted;
  const name = `train ${size.B}×${size.T}`;
  const forward = startProgram(name, adapted, size, { device, training: true });
  const { program, loss, gradientOf, seed, parameters } = forward;
  packGradients(program, { of: gradientOf, seed }, parameters, layout);
  if (accumulate) accumulatePacked(program, layout);
  else stepPacked(program, packedTraining(adapted));
  record(program, loss, cursorOf(program), BUFFERS.trainLosses, size.ring);
  const lowered = lower(program);
  return {
    program: adapted.recompute ? recompute(lowered) : lowered,
    constants: forward.constants,
  };
}

/** The step that ends training programs which accumulate: by the sum of their gradients since it was cleared. */
export function buildStep(adapted: AdaptedModel): BuiltProgram {
  const program = createProgram(STEP_PROGRAM);
  stepPacked(program, packedTraining(adapted), OPTIMIZER_BUFFERS.accumulated);
  return { program: lower(program), constants: new Map() };
}

/** Row losses and logits of one batch, or the losses of a language model's predictions, without dropout, into rings of `ring` rows. */
export function buildEvaluation(
  adapted: AdaptedModel,
  size: ProgramSize,
  device: DeviceInfo["kind"],
): BuiltProgram {
  const name = `evaluate ${size.B}×${size.T}`;
  const forward = startProgram(name, adapted, size, { device, training: false });
  const { program, logits, loss } = forward;
  const cursor = cursorOf(program);
  if (logits) record(program, logits, cursor, BUFFERS.logits, size.ring);
  record(program, loss, cursor, BUFFERS.evaluationLosses, size.ring);
  return { program: lower(program), constants: forward.constants };
}

function packedTraining({ layout, optimizer, proximal }: AdaptedModel): PackedTraining {
  return { name: BUFFERS.adapter, layout, optimizer, proximal };
}

function cursorOf(program: Program): Tensor {
  return bufferTensor(program, "input", BUFFERS.cursor, [1], "u32");
}

interface Forward {
  readonly program: Program;
  /** [B, labels] of a sequence classifier. */
  readonly logits?: Tensor;
  /** Weighted loss of each row, [B], or of each prediction, [P]. */
  readonly loss: Tensor;
  /** What the parameters' gradients are of: of Σ seed·gradientOf. */
  readonly gradientOf: Tensor;
  /** Ones where it is absent. */
  readonly seed?: Tensor;
  readonly parameters: readonly Parameter[];
  readonly constants: ReadonlyMap<string, Float32Array>;
}

function startProgram(
  name: string,
  adapted: AdaptedModel,
  { B, T }: ProgramSize,
  { device, training }: { readonly device: DeviceInfo["kind"]; readonly training: boolean },
): Forward {
  const { model, labels, layout } = adapted;
  const program = createProgram(name);
  const context = createContext(program, adapted, { B, T, device, training });
  const hidden = model.encode(context);
  const loss = labels === undefined
    ? tokenLoss(context, model, hidden, { predictions: predictionsOf(B, T), training })
    : labelLoss(context, model, hidden, labels);
  const { parameters, constants } = context;
  checkAllUsed(layout, parameters);
  return { program, ...loss, parameters, constants };
}

function labelLoss(
  context: ModelContext,
  model: Model,
  hidden: Tensor,
  labels: number,
): Pick<Forward, "logits" | "loss" | "gradientOf"> {
  const { program, inputs } = context;
  const logits = model.classify(context, pool(program, hidden, inputs.poolWeights), labels);
  const [B] = logits.shape;
  const loss = crossEntropy(
    program,
    logits,
    bufferTensor(program, "input", BUFFERS.labels, [B], "u32"),
    bufferTensor(program, "input", BUFFERS.weights, [B]),
  );
  return { logits, loss, gradientOf: loss };
}

/** Every packed tensor must take part in the forward pass: one that does not would be averaged and exported without ever having been trained. */
function checkAllUsed(layout: PackedLayout, parameters: readonly Parameter[]): void {
  const used = new Set(parameters.map(({ slice }) => slice));
  const unusedModule = layout.modules.findIndex((_, m) => !used.has(layout.a[m]));
  const unusedHead = layout.head.findIndex((_, i) => !used.has(layout.headSlices[i]));
  const name = layout.modules[unusedModule]?.name ?? layout.head[unusedHead]?.name;
  if (name !== undefined) {
    throw new Error(`Cannot build the programs: "${name}" does not take part in it`);
  }
}
