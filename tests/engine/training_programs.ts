/** Training steps of the two small models: between them they use every operation of the engine. */

import type { BufferData } from "../../src/engine/device.ts";
import { gradients, placeIn } from "../../src/engine/gradients.ts";
import { lower } from "../../src/engine/lower.ts";
import { accumulate } from "../../src/engine/ops/accumulate.ts";
import { copyTo } from "../../src/engine/ops/copy.ts";
import { optimizerStep, SLOT_SETTINGS, STEP_SETTINGS } from "../../src/engine/ops/optimizer.ts";
import { record } from "../../src/engine/ops/record.ts";
import {
  bufferTensor,
  createProgram,
  declareBuffer,
  elementCount,
  type Program,
  SLICE_ALIGNMENT,
  sliceTensor,
  type Tensor,
} from "../../src/engine/program.ts";
import { normalNumbers } from "./op_testing.ts";
import { blockBatch, blockShapes, blockTrained, blockValues, buildBlock } from "./small_block.ts";
import { buildDecoder, decoderBatch, decoderShapes } from "./small_decoder.ts";

/** A program that trains, and what its buffers hold before step 0. */
export interface TrainingProgram {
  readonly program: Program;
  readonly initial: Readonly<Record<string, BufferData>>;
  /** The buffers that change from step to step. */
  step(index: number): Readonly<Record<string, BufferData>>;
}

/** Steps that the ring "losses" holds. */
export const RING_STEPS = 4;

/**
 * A step: the gradient of the model's loss lands in "gradient", one slice per trained tensor; "parameters" is updated by the optimizer; the row
 * losses go to row "cursor" of "losses" and to "last losses", and are added to "loss sums".
 */
function trainingProgram<Name extends string>(
  name: string,
  kind: "adamw" | "sgd",
  shapes: Readonly<Record<Name, readonly number[]>>,
  trained: readonly Name[],
  values: Readonly<Record<Name, Float32Array>>,
  batch: Readonly<Record<string, BufferData>>,
  build: (program: Program, parameters: Readonly<Record<Name, Tensor>>) => Tensor,
  proximal = 0,
): TrainingProgram {
  const program = createProgram(name);
  const offsets = new Map<Name, number>();
  let length = 0;
  for (const tensor of trained) {
    offsets.set(tensor, length);
    length += Math.ceil(elementCount(shapes[tensor]) / SLICE_ALIGNMENT) * SLICE_ALIGNMENT;
  }
  for (const buffer of ["parameters", "gradient"]) {
    declareBuffer(program, { name: buffer, dtype: "f32", role: "state", length });
  }
  const slice = (buffer: string, tensor: Name) =>
    sliceTensor(program, buffer, tensor, shapes[tensor], offsets.get(tensor)!);
  const parameters = {} as Record<Name, Tensor>;
  const packed = new Float32Array(length);
  // Gaps between slices belong to the last slot, which is not trained.
  const slots = new Uint32Array(length).fill(trained.length);
  const initial: Record<string, BufferData> = { ...batch, parameters: packed, slots };
  for (const tensor of Object.keys(shapes) as Name[]) {
    const offset = offsets.get(tensor);
    if (offset === undefined) {
      parameters[tensor] = bufferTensor(program, "weight", tensor, shapes[tensor]);
      initial[tensor] = values[tensor];
    } else {
      parameters[tensor] = slice("parameters", tensor);
      packed.set(values[tensor], offset);
      slots.fill(trained.indexOf(tensor), offset, offset + values[tensor].length);
    }
  }

  const losses = build(program, parameters);
  const computed = gradients(program, losses, trained.map((tensor) => parameters[tensor]));
  placeIn(program, computed, trained.map((tensor) => slice("gradient", tensor)));
  const settings = STEP_SETTINGS + SLOT_SETTINGS * (trained.length + 1);
  const whole = (role: "input" | "state", buffer: string, shape: readonly number[]) =>
    bufferTensor(program, role, buffer, shape);
  optimizerStep(program, kind, {
    gradient: whole("state", "gradient", [length]),
    slots: bufferTensor(program, "input", "slots", [length], "u32"),
    settings: whole("input", "settings", [settings]),
    parameters: whole("state", "parameters", [length]),
    moments: whole("state", "moments", [length, 2]),
    sensitivity: whole("state", "sensitivity", [length, 2]),
    ...(proximal > 0 && { anchor: whole("input", "anchor", [length]) }),
  });
  if (proximal > 0) initial.anchor = packed;
  const cursor = bufferTensor(program, "input", "cursor", [1], "u32");
  record(program, losses, cursor, "losses", RING_STEPS);
  copyTo(program, losses, bufferTensor(program, "output", "last losses", losses.shape));
  accumulate(program, losses, bufferTensor(program, "state", "loss sums", losses.shape));

  return {
    program: lower(program),
    initial,
    step: (index) => ({
      cursor: Uint32Array.of(index),
      settings: Float32Array.of(
        ...[1, 0.9, 0.999, 1e-8, proximal, 0, 1, 0.85, 0.85],
        ...new Array(7).fill(0),
        ...trained.flatMap(() => [0.01, 0.01, 1, 1 - 0.9 ** (index + 1), 1 - 0.999 ** (index + 1)]),
        ...[0.01, 0.01, 0, 0, 0],
      ),
    }),
  };
}

/** A BERT-like encoder that trains LoRA, a head, and its embeddings and their normalisation with AdamW. */
export function encoderTraining(): TrainingProgram {
  const trained = [...blockTrained, "table", "norm1.gamma", "norm1.beta"] as const;
  return trainingProgram(
    "encoder",
    "adamw",
    blockShapes,
    trained,
    blockValues(),
    blockBatch,
    buildBlock,
  );
}

/** A Llama-like decoder that trains everything with SGD, and is pulled back to where it started. */
export function decoderTraining(): TrainingProgram {
  const names = Object.keys(decoderShapes) as (keyof typeof decoderShapes)[];
  const values = Object.fromEntries(names.map((name) => {
    const numbers = normalNumbers(`decoder ${name}`, elementCount(decoderShapes[name]));
    return [name, numbers.map((value) => (name.endsWith("gamma") ? 1 : 0) + 0.3 * value)];
  })) as Record<keyof typeof decoderShapes, Float32Array>;
  return trainingProgram(
    "decoder",
    "sgd",
    decoderShapes,
    names,
    values,
    decoderBatch,
    buildDecoder,
    0.1,
  );
}
