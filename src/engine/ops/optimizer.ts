/** The optimizer step over a packed buffer of trained parameters: clipping by global norm, AdamW or SGD, and the sensitivity EMA. @module */

import adamwSource from "../../../kernels/adamw.wgsl" with { type: "text" };
import clipSource from "../../../kernels/clip_factor.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import reduceLibrary from "../../../kernels/lib/reduce.wgsl" with { type: "text" };
import sensitivityLibrary from "../../../kernels/lib/sensitivity.wgsl" with { type: "text" };
import settingsLibrary from "../../../kernels/lib/settings.wgsl" with { type: "text" };
import sgdSource from "../../../kernels/sgd.wgsl" with { type: "text" };
import squareSource from "../../../kernels/square_sums.wgsl" with { type: "text" };
import type { GradientCall } from "../cpu/vector.ts";
import { smoothSensitivity } from "../cpu/vector_optimizer_plain.ts";
import { elementwiseCall, elementwiseCpu, rowwiseCpu, sizeOf } from "../kernel_call.ts";
import {
  apply,
  applyTo,
  type CpuArguments,
  expectShape,
  type KernelCall,
  nodeBytes,
  type Op,
} from "../op.ts";
import type { Node, Program, Tensor } from "../program.ts";
import { proximalGradient } from "./proximal_gradient.ts";
import { SLOT_SETTINGS, STEP_SETTINGS } from "./step_settings.ts";

export { SLOT_SETTINGS, STEP_SETTINGS };

const CHUNK = 4096;

/** The optimizers there are, in the order users see them. */
export const optimizerKinds = ["adamw", "sgd"] as const;

/** AdamW with decoupled weight decay (Loshchilov and Hutter, 2019), or plain SGD with the same decay and no momentum. */
export type OptimizerKind = typeof optimizerKinds[number];

/** Packed tensors of an optimizer step; P elements, S slots. */
export interface OptimizerTensors {
  /** [P] gradient. */
  readonly gradient: Tensor;
  /** [P] u32, the slot of each element. */
  readonly slots: Tensor;
  /** [16 + 5·S]. */
  readonly settings: Tensor;
  /** [P] parameters, updated. */
  readonly parameters: Tensor;
  /** [P, 2] Adam's moments, updated; not needed for SGD. */
  readonly moments?: Tensor;
  /** [P, 2] smoothed sensitivity and its smoothed deviation, updated. */
  readonly sensitivity: Tensor;
  /** [P] parameters that the round started from, where the loss has FedProx's proximal term. */
  readonly anchor?: Tensor | undefined;
}

export const squareSumsOp: Op<Record<never, never>> = {
  name: "square_sums",
  infer: ([gradient]) => [{
    name: "square sums",
    shape: [Math.ceil(sizeOf(gradient) / CHUNK)],
  }],
  cost: (node) => ({ flops: 2 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) => ({
    source: indexLibrary + reduceLibrary + settingsLibrary + squareSource,
    constants: { LANES: 64 },
    params: { count: sizeOf(node.inputs[0]) },
    workgroups: sizeOf(node.outputs[0]),
  }),
  cpu: rowwiseCpu((node) => sizeOf(node.outputs[0]), (node, tensors, begin, end, { vector }) => {
    const call = gradientOf(tensors);
    for (let chunk = begin; chunk < end; chunk++) {
      const last = Math.min((chunk + 1) * CHUNK, sizeOf(node.inputs[0]));
      vector.squareSum(call, tensors.f32(3), chunk, chunk * CHUNK, last);
    }
  }),
};

export const clipFactorOp: Op<Record<never, never>> = {
  name: "clip_factor",
  infer: () => [{ name: "clip factor", shape: [2] }],
  cost: (node) => ({ flops: sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) => ({
    source: reduceLibrary + clipSource,
    constants: { LANES: 64 },
    params: { count: sizeOf(node.inputs[0]) },
    workgroups: 1,
  }),
  cpu: rowwiseCpu(() => 1, (_, tensors) => {
    const sums = tensors.f32(0), limit = tensors.f32(1)[6], factor = tensors.f32(2);
    let sum = 0;
    for (const part of sums) sum += part;
    const norm = Math.sqrt(sum);
    factor[0] = limit > 0 ? Math.min(1, limit / (norm + 1e-6)) : 1;
    factor[1] = norm;
  }),
};

export const adamwOp: Op<Record<never, never>> = {
  name: "adamw",
  updates: true,
  infer: () => [],
  cost: (node) => ({ flops: 25 * sizeOf(node.inputs[0]), bytes: 44 * sizeOf(node.inputs[0]) }),
  kernel: (node) => stepCall(adamwSource, node),
  cpu: elementwiseCpu((node) => sizeOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const [parameters, moments, sensitivity] = outputsOf(node, tensors);
    const [clip, dataGradient] = [3, dataGradientOf(node)].map(tensors.f32);
    const states = { clip, dataGradient, parameters, moments, sensitivity };
    vector.adamw({ ...gradientOf(tensors), ...states }, begin, end);
  }),
};

export const sgdOp: Op<Record<never, never>> = {
  name: "sgd",
  updates: true,
  infer: () => [],
  cost: (node) => ({ flops: 12 * sizeOf(node.inputs[0]), bytes: 28 * sizeOf(node.inputs[0]) }),
  kernel: (node) => stepCall(sgdSource, node),
  cpu: elementwiseCpu((node) => sizeOf(node.inputs[0]), (node, tensors, begin, end) => {
    const { gradient: g, slots, settings } = gradientOf(tensors);
    const [w, sensitivity] = outputsOf(node, tensors);
    const [clip, dataGradient] = [3, dataGradientOf(node)].map(tensors.f32);
    for (let i = begin; i < end; i++) {
      smoothSensitivity(sensitivity, i, w[i], dataGradient[i], settings);
      const slot = STEP_SETTINGS + SLOT_SETTINGS * slots[i];
      if (settings[slot + 2] === 0) continue;
      const rate = settings[slot] * settings[0];
      w[i] = w[i] - rate * (settings[slot + 1] * w[i] + g[i] * clip[0]);
    }
  }),
};

function gradientOf(tensors: CpuArguments): GradientCall {
  return { gradient: tensors.f32(0), slots: tensors.u32(1), settings: tensors.f32(2) };
}

/** The place among a step's inputs of the gradient without a proximal term: a fifth one where the first has it. */
function dataGradientOf({ inputs }: Node): number {
  return inputs.length === 5 ? 4 : 0;
}

function outputsOf({ inputs, outputs }: Node, tensors: CpuArguments): Float32Array[] {
  return outputs.map((_, i) => tensors.f32(inputs.length + i));
}

function stepCall(source: string, node: Node): KernelCall {
  const features = dataGradientOf(node) === 0 ? [] : ["PROXIMAL"];
  const text = settingsLibrary + sensitivityLibrary + source;
  return elementwiseCall(text, sizeOf(node.inputs[0]), { features });
}

/**
 * Adds an optimizer step. The norm that clipping sees covers the slots marked as trained only, and a proximal term with the rest: it is part of
 * the local loss. The sensitivity never sees it: it asks what the data want.
 */
export function optimizerStep(
  program: Program,
  kind: OptimizerKind,
  tensors: OptimizerTensors,
): void {
  const { gradient: dataGradient, slots, settings, parameters, moments, sensitivity } = tensors;
  const size = sizeOf(dataGradient);
  expectShape(kind, slots, [size]);
  expectShape(kind, parameters, [size]);
  expectShape(kind, sensitivity, [size, 2]);
  const { anchor } = tensors;
  const gradient = anchor === undefined
    ? dataGradient
    : proximalGradient(program, { gradient: dataGradient, parameters, anchor, settings });
  const [sums] = apply(program, squareSumsOp, [gradient, slots, settings], {});
  const [clip] = apply(program, clipFactorOp, [sums, settings], {});
  const inputs = [gradient, slots, settings, clip, ...(anchor ? [dataGradient] : [])];
  if (kind === "sgd") {
    applyTo(program, sgdOp, inputs, {}, [parameters, sensitivity]);
    return;
  }
  if (moments === undefined) {
    throw new TypeError("Cannot add an AdamW step: expected a tensor for its moments");
  }
  expectShape(kind, moments, [size, 2]);
  applyTo(program, adamwOp, inputs, {}, [parameters, moments, sensitivity]);
}
