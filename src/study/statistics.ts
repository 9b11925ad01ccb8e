/**
 * Statistics of few values, one a seed: centre, spread, and Student's t interval.
 *
 * @module
 */

import { tQuantile, tTails } from "./student_t.ts";

/** How sure the intervals of a report are. */
export const confidence = 0.95;

/** Arithmetic mean of at least one value. */
export function mean(values: readonly number[]): number {
  checkCount("a mean", values, 1);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Standard deviation of a sample of at least two values: √(Σ(x − mean)² / (n − 1)). */
export function standardDeviation(values: readonly number[]): number {
  checkCount("a standard deviation", values, 2);
  const centre = mean(values);
  // Equal values deviate by nothing, whatever rounding their mean has.
  if (values.every((value) => value === values[0])) return 0;
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** Standard error of the mean of at least two values: the standard deviation over √n. */
export function standardError(values: readonly number[]): number {
  return standardDeviation(values) / Math.sqrt(values.length);
}

/** The middle value of at least one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  checkCount("a median", values, 1);
  const sorted = values.toSorted((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Lower and upper end. */
export type Interval = readonly [number, number];

/**
 * Student's t interval of the mean: mean ± t·s/√n with n − 1 degrees of freedom. Values without any variance give an interval without width.
 *
 * @param values at least two
 */
export function meanInterval(values: readonly number[]): Interval {
  const centre = mean(values);
  const reach = tQuantile((1 + confidence) / 2, values.length - 1) * standardError(values);
  return [centre - reach, centre + reach];
}

/**
 * Two-sided p of the hypothesis that the values' mean is `expected`: how often a t as far from it comes up where it is true.
 *
 * @param values at least two
 */
export function meanTest(values: readonly number[], expected: number): number {
  const distance = mean(values) - expected;
  const error = standardError(values);
  if (error === 0) return distance === 0 ? 1 : 0;
  return tTails(distance / error, values.length - 1);
}

/**
 * Holm's step-down adjustment of p values that are looked at together: below α, the chance of any false finding among all is at most α.
 *
 * @returns the adjusted values in the order of `values`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { holm } from "./statistics.ts";
 * assert.deepEqual(holm([0.5, 0.01]), [0.5, 0.02]);
 * ```
 */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((one, other) => values[one] - values[other]);
  const adjusted = [...values];
  let highest = 0;
  order.forEach((index, place) => {
    highest = Math.max(highest, Math.min(1, (values.length - place) * values[index]));
    adjusted[index] = highest;
  });
  return adjusted;
}

function checkCount(what: string, values: readonly number[], least: number): void {
  if (values.length >= least) return;
  const expected = least === 1 ? "at least one value" : `at least ${least} values`;
  throw new RangeError(`Cannot compute ${what}: expected ${expected}, got ${values.length}`);
}
