import { mapNumbers, type Numbers } from "./numbers.ts";

/** max(x, 0). */
export function relu(x: Numbers): Float64Array {
  return mapNumbers(x, (v) => v > 0 ? v : 0);
}

/** Gradient of {@link relu}: dY where x > 0, else 0 (0 at x = 0, as PyTorch has it). */
export function reluBackward(dY: Numbers, x: Numbers): Float64Array {
  return mapNumbers(x, (v, i) => v > 0 ? dY[i] : 0);
}
