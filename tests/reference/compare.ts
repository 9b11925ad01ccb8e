import type { Numbers } from "./numbers.ts";

/**
 * Keeps the quotient defined when everything expected is zero; below any gradient that matters in
 * float32.
 */
const TINY = 1e-30;

/**
 * Largest absolute difference over the largest expected magnitude: max|actual − expected| /
 * (max|expected| + 1e-30).
 *
 * NaN anywhere in either array, or an infinity, gives infinity.
 *
 * @throws {RangeError} When the lengths differ.
 */
export function relativeError(actual: Numbers, expected: Numbers): number {
  return worst(actual, expected, "actual").error;
}

/**
 * Asserts that `relativeError(actual, expected) <= tolerance`.
 *
 * @throws {Error} Naming the tensor, the worst index, and the value expected and got there.
 * @throws {RangeError} When the lengths differ.
 */
export function assertClose(
  actual: Numbers,
  expected: Numbers,
  tolerance: number,
  name: string,
): void {
  const { error, index } = worst(actual, expected, name);
  if (error <= tolerance) return;
  throw new Error(
    `"${name}" differs at index ${index}: expected ${expected[index]}, got ${actual[index]} ` +
      `(relative error ${error.toExponential(2)}, tolerance ${tolerance.toExponential(2)})`,
  );
}

function worst(actual: Numbers, expected: Numbers, name: string): { error: number; index: number } {
  if (actual.length !== expected.length) {
    throw new RangeError(
      `Cannot compare "${name}": expected ${expected.length} numbers, got ${actual.length}`,
    );
  }
  let difference = 0;
  let magnitude = 0;
  let index = 0;
  for (let i = 0; i < expected.length; i++) {
    const here = Math.abs(actual[i] - expected[i]);
    if (!Number.isFinite(here)) return { error: Infinity, index: i };
    if (here > difference) {
      difference = here;
      index = i;
    }
    magnitude = Math.max(magnitude, Math.abs(expected[i]));
  }
  return { error: difference / (magnitude + TINY), index };
}
