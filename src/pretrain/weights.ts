/** Weights before the first step, and in and out of the packed buffers. @module */

import { elementCount } from "../engine/program.ts";
import type { PackedLayout } from "../lora/layout.ts";
import { randomStream } from "../protocol/random.ts";

/** A tensor by its Hugging Face name. */
export interface WeightTensor {
  readonly name: string;
  /** Row-major, as PyTorch has it. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Weights as Hugging Face draws them: matrices from a normal distribution of standard deviation `deviation`, norms at 1, biases at 0. Every tensor has a
 * random stream of its own, so that a model with one more tensor starts with the same others.
 *
 * @returns the packed buffer [layout.length].
 */
export function initialWeights(
  layout: PackedLayout,
  deviation: number,
  seed: number,
): Float32Array {
  const packed = new Float32Array(layout.length);
  layout.head.forEach(({ name, shape }, i) => {
    const { offset } = layout.headSlices[i];
    const count = elementCount(shape);
    if (shape.length > 1) {
      const random = randomStream(seed, "weights", name);
      for (let j = 0; j < count; j++) packed[offset + j] = deviation * random.normal();
    } else if (name.endsWith(".weight")) packed.fill(1, offset, offset + count);
  });
  return packed;
}

/** The tensors of a packed buffer. */
export function unpackWeights(layout: PackedLayout, packed: Float32Array): WeightTensor[] {
  return layout.head.map(({ name, shape }, i) => {
    const { offset } = layout.headSlices[i];
    return { name, shape, data: packed.slice(offset, offset + elementCount(shape)) };
  });
}
