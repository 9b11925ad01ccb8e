/** The end of a training program: gradients into one packed buffer, and an optimizer step over it. @module */

import { gradients, placeIn } from "../engine/gradients.ts";
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
  anchor: "anchor",
  moments: "moments",
  sensitivity: "sensitivity",
} as const;

/** A trained tensor and its place in the packed buffers. */
export interface Parameter {
  readonly tensor: Tensor;
  readonly slice: Slice;
}

/** Adds the backward pass of `loss` and a step that updates the packed buffer `name`, in which the parameters lie; with a pull to an anchor, if wanted. */
export function trainPacked(
  program: Program,
  loss: Tensor,
  parameters: readonly Parameter[],
  { name, layout, optimizer, proximal }: {
    readonly name: string;
    readonly layout: PackedLayout;
    readonly optimizer: OptimizerKind;
    readonly proximal: boolean;
  },
): void {
  const { settings, slots, gradient, anchor, moments, sensitivity } = OPTIMIZER_BUFFERS;
  const { length } = layout;
  declareBuffer(program, { name: gradient, dtype: "f32", role: "state", length });
  placeIn(
    program,
    gradients(program, loss, parameters.map(({ tensor }) => tensor)),
    parameters.map(({ tensor, slice }) =>
      sliceTensor(program, gradient, `d${tensor.name}`, slice.shape, slice.offset)
    ),
  );
  const packed = (name: string, shape: readonly number[]) =>
    bufferTensor(program, "state", name, shape);
  optimizerStep(program, optimizer, {
    gradient: packed(gradient, [length]),
    slots: bufferTensor(program, "input", slots, [length], "u32"),
    settings: bufferTensor(program, "input", settings, [
      STEP_SETTINGS + SLOT_SETTINGS * layout.slots,
    ]),
    parameters: packed(name, [length]),
    sensitivity: packed(sensitivity, [length, 2]),
    ...(optimizer === "adamw" && { moments: packed(moments, [length, 2]) }),
    ...(proximal && { anchor: bufferTensor(program, "input", anchor, [length]) }),
  });
}
