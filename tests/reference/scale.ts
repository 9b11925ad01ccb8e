import { mapNumbers, type Numbers } from "./numbers.ts";

/** factor·x. */
export function scale(x: Numbers, factor: number): Float64Array {
  return mapNumbers(x, (v) => factor * v);
}

/** Gradient of {@link scale}: factor·dY. */
export function scaleBackward(dY: Numbers, factor: number): Float64Array {
  return scale(dY, factor);
}
