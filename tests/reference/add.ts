import { mapNumbers, type Numbers, requireLength } from "./numbers.ts";

/** a + b, of one length. */
export function add(a: Numbers, b: Numbers): Float64Array {
  requireLength("b", b, a.length);
  return mapNumbers(a, (v, i) => v + b[i]);
}

/** Gradients of {@link add}: dY for both operands. */
export function addBackward(dY: Numbers): { da: Float64Array; db: Float64Array } {
  return { da: Float64Array.from(dY), db: Float64Array.from(dY) };
}
