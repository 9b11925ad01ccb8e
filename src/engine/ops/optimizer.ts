/** The optimizer step over a packed buffer of trained parameters: clipping by global norm, AdamW or SGD, and the sensitivity EMA. @module */

import adamwSource from "../../../kernels/adamw.wgsl" with { type: "text" };
import clipSource from "../../../kernels/clip_factor.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import reduceLibrary from "../../../kernels/lib/reduce.wgsl" with { type: "text" };
import sensitivityLibrary from "../../../kernels/lib/sensitivity.wgsl" with { type: "text" };
import settingsLibrary from "../../../kernels/lib/settings.wgsl" with { type: "text" };
import sgdSource from "../../../kernels/sgd.wgsl" with { type: "text" };
import squareSource from "../../../kernels/square_sums.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, rowwiseCpu, sizeOf } from "../kernel_call.ts";
import { apply, applyTo, type CpuArguments, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";

/** Numbers of the settings buffer that come before the slots; their meaning stands in kernels/lib/settings.wgsl. */
export const STEP_SETTINGS = 16;
/** Numbers a slot: learning rate, weight decay, trained (0 or 1), and Adam's bias corrections 1 − β1^t and 1 − β2^t, t being the slot's own step. */
export const SLOT_SETTINGS = 5;

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
  cpu: rowwiseCpu((node) => sizeOf(node.outputs[0]), (node, tensors, begin, end) => {
    const g = tensors.f32(0),
      slots = tensors.u32(1),
      settings = tensors.f32(2),
      sums = tensors.f32(3);
    const count = sizeOf(node.inputs[0]);
    for (let chunk = begin; chunk < end; chunk++) {
      let sum = 0;
      for (let i = chunk * CHUNK; i < Math.min((chunk + 1) * CHUNK, count); i++) {
        if (settings[STEP_SETTINGS + SLOT_SETTINGS * slots[i] + 2] !== 0) sum += g[i] * g[i];
      }
      sums[chunk] = sum;
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

/** METHOD: I = |w·g|, Ī ← β1·Ī + (1−β1)·I, Ū ← β2·Ū + (1−β2)·|I − Ī|, w before the step, g before clipping. PEFT calls it after the step; we do not. */
function smoothSensitivity(
  sensitivity: Float32Array,
  i: number,
  w: number,
  g: number,
  settings: Float32Array,
): void {
  const value = Math.abs(w * g);
  const mean = settings[7] * sensitivity[2 * i] + (1 - settings[7]) * value;
  sensitivity[2 * i] = mean;
  sensitivity[2 * i + 1] = settings[8] * sensitivity[2 * i + 1] +
    (1 - settings[8]) * Math.abs(value - mean);
}

export const adamwOp: Op<Record<never, never>> = {
  name: "adamw",
  updates: true,
  infer: () => [],
  cost: (node) => ({ flops: 25 * sizeOf(node.inputs[0]), bytes: 44 * sizeOf(node.inputs[0]) }),
  kernel: (node) =>
    elementwiseCall(settingsLibrary + sensitivityLibrary + adamwSource, sizeOf(node.inputs[0])),
  cpu: elementwiseCpu((node) => sizeOf(node.inputs[0]), (_, tensors, begin, end) => {
    const { g, slots, settings, clip, w } = stepArguments(tensors);
    const moments = tensors.f32(5), sensitivity = tensors.f32(6);
    const [rateFactor, beta1, beta2, epsilon] = settings;
    for (let i = begin; i < end; i++) {
      smoothSensitivity(sensitivity, i, w[i], g[i], settings);
      const slot = STEP_SETTINGS + SLOT_SETTINGS * slots[i];
      if (settings[slot + 2] === 0) continue;
      const gradient = g[i] * clip[0];
      const rate = settings[slot] * rateFactor;
      const first = beta1 * moments[2 * i] + (1 - beta1) * gradient;
      const second = beta2 * moments[2 * i + 1] + (1 - beta2) * gradient * gradient;
      moments[2 * i] = first;
      moments[2 * i + 1] = second;
      w[i] = w[i] - rate * settings[slot + 1] * w[i] -
        rate * (first / settings[slot + 3]) / (Math.sqrt(second / settings[slot + 4]) + epsilon);
    }
  }),
};

export const sgdOp: Op<Record<never, never>> = {
  name: "sgd",
  updates: true,
  infer: () => [],
  cost: (node) => ({ flops: 12 * sizeOf(node.inputs[0]), bytes: 28 * sizeOf(node.inputs[0]) }),
  kernel: (node) =>
    elementwiseCall(settingsLibrary + sensitivityLibrary + sgdSource, sizeOf(node.inputs[0])),
  cpu: elementwiseCpu((node) => sizeOf(node.inputs[0]), (_, tensors, begin, end) => {
    const { g, slots, settings, clip, w } = stepArguments(tensors);
    const sensitivity = tensors.f32(5);
    for (let i = begin; i < end; i++) {
      smoothSensitivity(sensitivity, i, w[i], g[i], settings);
      const slot = STEP_SETTINGS + SLOT_SETTINGS * slots[i];
      if (settings[slot + 2] === 0) continue;
      const rate = settings[slot] * settings[0];
      w[i] = w[i] - rate * (settings[slot + 1] * w[i] + g[i] * clip[0]);
    }
  }),
};

function stepArguments(tensors: CpuArguments): {
  readonly g: Float32Array;
  readonly slots: Uint32Array;
  readonly settings: Float32Array;
  readonly clip: Float32Array;
  readonly w: Float32Array;
} {
  return {
    g: tensors.f32(0),
    slots: tensors.u32(1),
    settings: tensors.f32(2),
    clip: tensors.f32(3),
    w: tensors.f32(4),
  };
}

/** Adds an optimizer step; the norm that clipping sees covers the slots marked as trained only. */
export function optimizerStep(
  program: Program,
  kind: OptimizerKind,
  { gradient, slots, settings, parameters, moments, sensitivity }: OptimizerTensors,
): void {
  const size = sizeOf(gradient);
  expectShape(kind, slots, [size]);
  expectShape(kind, parameters, [size]);
  expectShape(kind, sensitivity, [size, 2]);
  const [sums] = apply(program, squareSumsOp, [gradient, slots, settings], {});
  const [clip] = apply(program, clipFactorOp, [sums, settings], {});
  const inputs = [gradient, slots, settings, clip];
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
