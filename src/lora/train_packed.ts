/** The end of a training program: gradients into one packed buffer, and an optimizer step over it. @module */

import { gradients, placeIn } from "../engine/gradients.ts";
import { accumulate } from "../engine/ops/accumulate.ts";
import {
  type OptimizerKind,
  optimizerStep,
  SLOT_SETTINGS,
  STEP_SETTINGS,
} from "../engine/ops/optimizer.ts";
import {
  bufferTensor,
  declareBuffer,
  type Program,
  sliceTensor,
  type Tensor,
} from "../engine/program.ts";
import type { PackedLayout, Slice } from "./layout.ts";

/** Names of the buffers of an optimizer step, beside that of the parameters. */
export const OPTIMIZER_BUFFERS = {
  settings: "settings",
  slots: "slots",
  gradient: "gradient",
  accumulated: "accumulated gradient",
  anchor: "anchor",
  moments: "moments",
  sensitivity: "sensitivity",
} as const;

/** A trained tensor and its place in the packed buffers. */
export interface Parameter {
  readonly tensor: Tensor;
  readonly slice: Slice;
}

/** What an optimizer step works on. */
export interface PackedTraining {
  /** The buffer in which the parameters lie. */
  readonly name: string;
  readonly layout: PackedLayout;
  readonly optimizer: OptimizerKind;
  /** Whether a step can pull to an anchor. */
  readonly proximal: boolean;
}

/** Adds the backward pass of `loss` and an optimizer step. */
export function trainPacked(
  program: Program,
  loss: Tensor,
  parameters: readonly Parameter[],
  training: PackedTraining,
): void {
  packGradients(program, { of: loss }, parameters, training.layout);
  stepPacked(program, training);
}

/** Adds a backward pass, from the sum of `of`, or of seed·of, to the packed gradient. */
export function packGradients(
  program: Program,
  { of, seed }: { readonly of: Tensor; readonly seed?: Tensor | undefined },
  parameters: readonly Parameter[],
  { length }: PackedLayout,
): void {
  const { gradient } = OPTIMIZER_BUFFERS;
  declareBuffer(program, { name: gradient, dtype: "f32", role: "state", length });
  placeIn(
    program,
    gradients(program, of, parameters.map(({ tensor }) => tensor), seed),
    parameters.map(({ tensor, slice }) =>
      sliceTensor(program, gradient, `d${tensor.name}`, slice.shape, slice.offset)
    ),
  );
}

/** Adds the packed gradient to the sum of those of other batches. */
export function accumulatePacked(program: Program, { length }: PackedLayout): void {
  const { gradient, accumulated } = OPTIMIZER_BUFFERS;
  const packed = (name: string) => bufferTensor(program, "state", name, [length]);
  accumulate(program, packed(gradient), packed(accumulated));
}

/** Adds a step that updates the parameters by a packed gradient, and the sensitivity. */
export function stepPacked(
  program: Program,
  { name, layout: { length, slots }, optimizer, proximal }: PackedTraining,
  gradient: string = OPTIMIZER_BUFFERS.gradient,
): void {
  const buffers = OPTIMIZER_BUFFERS;
  const packed = (name: string, shape: readonly number[]) =>
    bufferTensor(program, "state", name, shape);
  optimizerStep(program, optimizer, {
    gradient: packed(gradient, [length]),
    slots: bufferTensor(program, "input", buffers.slots, [length], "u32"),
    settings: bufferTensor(program, "input", buffers.settings, [
      STEP_SETTINGS + SLOT_SETTINGS * slots,
    ]),
    parameters: packed(name, [length]),
    sensitivity: packed(buffers.sensitivity, [length, 2]),
    ...(optimizer === "adamw" && { moments: packed(buffers.moments, [length, 2]) }),
    ...(proximal && { anchor: bufferTensor(program, "input", buffers.anchor, [length]) }),
  });
}
