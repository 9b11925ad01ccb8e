/** Values to compute with, where only their number and size matter. @module */

import { elementCount } from "../../src/engine/program.ts";
import type { WeightLoader } from "../../src/lora/load.ts";
import { randomStream } from "../../src/protocol/random.ts";

/** Drawn values that are repeated; an odd number, so that rows of a matrix differ. */
const DRAWN = 65_537;

/** Values of a normal distribution of that standard deviation, the same in every run. Drawing each of 66 million would take longer than the measurement. */
export function normals(count: number, deviation: number): Float32Array {
  const random = randomStream(0, "normals");
  const values = new Float32Array(count);
  const drawn = Math.min(count, DRAWN);
  for (let i = 0; i < drawn; i++) values[i] = deviation * random.normal();
  for (let filled = drawn; filled < count; filled += drawn) {
    values.copyWithin(filled, 0, Math.min(drawn, count - filled));
  }
  return values;
}

/** Whole numbers below `limit`, the same in every run. */
export function randomIds(count: number, limit: number): Uint32Array {
  const random = randomStream(0, "ids");
  return Uint32Array.from({ length: count }, () => random.integer(limit));
}

/** Weights of any model as training starts from them: the gains of its norms 1, all else of standard deviation 0.02. */
export const randomWeights: WeightLoader = {
  load: (name, shape) =>
    Promise.resolve(
      /(norm|\.ln_\w)\.weight$/i.test(name)
        ? new Float32Array(elementCount(shape)).fill(1)
        : normals(elementCount(shape), 0.02),
    ),
};
