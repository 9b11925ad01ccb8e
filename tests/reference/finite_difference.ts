import { type Numbers } from "./numbers.ts";

/**
 * The gradient of Σ dY ∘ forward(x) with respect to x, by central differences in float64.
 *
 * This is what a backward function must return for the upstream gradient `dY`. With values of
 * order one the error is about
 * step² (truncation) plus 1e-16 / step (rounding): near 1e-10 for the default step.
 *
 * @param forward Must not keep or change its argument.
 * @throws {RangeError} When `forward` returns another number of values than `dY` holds.
 */
export function finiteDifference(
  forward: (x: Float64Array) => Numbers,
  x: Numbers,
  dY: Numbers,
  step = 1e-5,
): Float64Array {
  const moved = Float64Array.from(x);
  const gradient = new Float64Array(x.length);
  for (let i = 0; i < moved.length; i++) {
    const centre = moved[i];
    moved[i] = centre + step;
    const above = dot(forward(moved), dY);
    moved[i] = centre - step;
    const below = dot(forward(moved), dY);
    moved[i] = centre;
    gradient[i] = (above - below) / (2 * step);
  }
  return gradient;
}

function dot(y: Numbers, dY: Numbers): number {
  if (y.length !== dY.length) {
    throw new RangeError(`Cannot pull back dY: expected ${y.length} numbers, got ${dY.length}`);
  }
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += y[i] * dY[i];
  return sum;
}
