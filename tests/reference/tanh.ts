import { mapNumbers, type Numbers } from "./numbers.ts";

/** Hyperbolic tangent of every element. */
export function tanh(x: Numbers): Float64Array {
  return mapNumbers(x, Math.tanh);
}

/** Gradient of {@link tanh}, from its input: dY∘(1 − tanh²(x)). */
export function tanhBackward(dY: Numbers, x: Numbers): Float64Array {
  return mapNumbers(x, (v, i) => dY[i] * (1 - Math.tanh(v) ** 2));
}
