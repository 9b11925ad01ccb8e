/** A pretraining's state as one safetensors file: each weight by name, each with Adam's moments beside it. @module */

import { elementCount } from "../engine/program.ts";
import type { PackedLayout } from "../lora/layout.ts";
import { UserError } from "../protocol/errors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsInput,
  toFloat32,
} from "../protocol/safetensors.ts";
import type { PretrainState } from "./trainer.ts";

const momentsName = (name: string): string => `adam.${name}`;

/** Encodes a state. */
export function encodeCheckpoint(
  layout: PackedLayout,
  { steps, parameters, moments }: PretrainState,
): Uint8Array {
  const tensors = layout.head.flatMap(({ name, shape }, i): SafetensorsInput[] => {
    const { offset } = layout.headSlices[i];
    const end = offset + elementCount(shape);
    return [
      { name, shape, data: parameters.slice(offset, end) },
      { name: momentsName(name), shape: [...shape, 2], data: moments.slice(2 * offset, 2 * end) },
    ];
  });
  return encodeSafetensors(tensors, { kind: "hafl-pretraining", steps: String(steps) });
}

/**
 * Decodes a state for a model.
 *
 * @throws SafetensorsError when the file is damaged.
 * @throws UserError when it is no checkpoint, or one of another shape: of other tensors or sizes.
 */
export function decodeCheckpoint(layout: PackedLayout, file: Uint8Array): PretrainState {
  const { tensors, metadata } = decodeSafetensors(file);
  if (metadata.kind !== "hafl-pretraining" || !/^\d+$/.test(metadata.steps ?? "")) {
    throw new UserError("Cannot resume: the checkpoint is not one of a pretraining");
  }
  const parameters = new Float32Array(layout.length);
  const moments = new Float32Array(2 * layout.length);
  const place = (target: Float32Array, name: string, shape: readonly number[], offset: number) => {
    const found = tensors.get(name);
    if (found === undefined || found.shape.join() !== shape.join()) {
      throw new UserError(
        `Cannot resume from a checkpoint of another shape: expected "${name}" [${
          shape.join(", ")
        }], got ${found === undefined ? "none" : `[${found.shape.join(", ")}]`}`,
      );
    }
    target.set(toFloat32(found.dtype, found.bytes), offset);
  };
  layout.head.forEach(({ name, shape }, i) => {
    const { offset } = layout.headSlices[i];
    place(parameters, name, shape, offset);
    place(moments, momentsName(name), [...shape, 2], 2 * offset);
  });
  const expected = 2 * layout.head.length;
  if (tensors.size !== expected) {
    throw new UserError(
      `Cannot resume from a checkpoint of another shape: expected ${expected} tensors, got ${tensors.size}`,
    );
  }
  return { steps: Number(metadata.steps), parameters, moments };
}
