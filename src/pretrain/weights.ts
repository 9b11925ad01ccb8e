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
 * Weights before the first step: matrices from a normal distribution of standard deviation `deviation`, norms at 1, biases at 0. A table of positions
 * begins as sines and cosines of that deviation (Vaswani et al. 2017, §3.5, with wavelengths up to the longest text), so that attending to a neighbour
 * is one rotation to be learned and not one for every position. Every tensor has a random stream of its own, so that a model with one more tensor
 * starts with the same others.
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
    const tensor = packed.subarray(offset, offset + elementCount(shape));
    if (name.endsWith("position_embeddings.weight")) fillWaves(tensor, shape, deviation);
    else if (shape.length > 1) {
      const random = randomStream(seed, "weights", name);
      for (let j = 0; j < tensor.length; j++) tensor[j] = deviation * random.normal();
    } else if (name.endsWith(".weight")) tensor.fill(1);
  });
  return packed;
}

/** [T, C]: sines in even columns, cosines in odd ones, of wavelengths from 2π to 2π·T. */
function fillWaves(table: Float32Array, [T, C]: readonly number[], deviation: number): void {
  for (let t = 0; t < T; t++) {
    for (let c = 0; c < C; c++) {
      const angle = t / T ** (2 * Math.floor(c / 2) / C);
      table[t * C + c] = deviation * Math.SQRT2 * (c % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
    }
  }
}

/** The tensors of a packed buffer. */
export function unpackWeights(layout: PackedLayout, packed: Float32Array): WeightTensor[] {
  return layout.head.map(({ name, shape }, i) => {
    const { offset } = layout.headSlices[i];
    return { name, shape, data: packed.slice(offset, offset + elementCount(shape)) };
  });
}
