import { mapNumbers, type Numbers } from "./numbers.ts";

const CUBIC = 0.044715;
const SLOPE = Math.sqrt(2 / Math.PI);

/** GELU's tanh approximation: x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))). */
export function geluTanh(x: Numbers): Float64Array {
  return mapNumbers(x, (v) => v / 2 * (1 + Math.tanh(SLOPE * (v + CUBIC * v ** 3))));
}

/**
 * Gradient of {@link geluTanh}, with t = tanh(u): dY∘((1 + t)/2 + x/2·(1 − t²)·√(2/π)·(1 +
 * 3·0.044715·x²)).
 */
export function geluTanhBackward(dY: Numbers, x: Numbers): Float64Array {
  return mapNumbers(x, (v, i) => {
    const t = Math.tanh(SLOPE * (v + CUBIC * v ** 3));
    return dY[i] * ((1 + t) / 2 + v / 2 * (1 - t * t) * SLOPE * (1 + 3 * CUBIC * v * v));
  });
}
