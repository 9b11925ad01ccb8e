import { mapNumbers, type Numbers } from "./numbers.ts";

/** x·σ(x) (also called swish). */
export function silu(x: Numbers): Float64Array {
  return mapNumbers(x, (v) => v * sigmoid(v));
}

/** Gradient of {@link silu}: dY∘σ(x)·(1 + x·(1 − σ(x))). */
export function siluBackward(dY: Numbers, x: Numbers): Float64Array {
  return mapNumbers(x, (v, i) => dY[i] * sigmoid(v) * (1 + v * (1 - sigmoid(v))));
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
