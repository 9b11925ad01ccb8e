/**
 * Student's t distribution: its tails and quantiles for any degrees of freedom, through the regularized incomplete beta function.
 *
 * @module
 */

/**
 * Probability that |T| is at least |t|, for T of Student's t distribution.
 *
 * Formula: I_x(ν/2, 1/2) with x = ν / (ν + t²) (Abramowitz and Stegun 26.7.1).
 *
 * @param t any number, infinite ones included
 * @param freedom degrees of freedom ν > 0, whole or not
 */
export function tTails(t: number, freedom: number): number {
  checkFreedom(freedom);
  if (Number.isNaN(t)) throw new RangeError("Cannot compute a tail: expected a number t, got NaN");
  const square = t * t;
  if (square === Infinity) return 0;
  // Both shares are divisions of their own: 1 − x would lose the digits of a small t.
  return incompleteBeta(
    freedom / (freedom + square),
    square / (freedom + square),
    freedom / 2,
    0.5,
  );
}

/**
 * The t that a variable of Student's t distribution stays below with probability `p`.
 *
 * @param p in (0, 1)
 * @param freedom degrees of freedom ν > 0, whole or not
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { tQuantile } from "./student_t.ts";
 * assert.equal(tQuantile(0.975, 4).toFixed(4), "2.7764");
 * ```
 */
export function tQuantile(p: number, freedom: number): number {
  checkFreedom(freedom);
  if (!(p > 0 && p < 1)) {
    throw new RangeError(`Cannot compute a quantile: expected p in (0, 1), got ${p}`);
  }
  if (p === 0.5) return 0;
  if (p < 0.5) return -tQuantile(1 - p, freedom);
  const tails = 2 * (1 - p);
  let high = 1;
  while (tTails(high, freedom) > tails) high *= 2;
  let low = 0;
  // Bisection, until no number lies between: the tail falls strictly with t.
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (tTails(middle, freedom) > tails) low = middle;
    else high = middle;
  }
}

function checkFreedom(freedom: number): void {
  if (freedom > 0 && freedom < Infinity) return;
  throw new RangeError(
    `Cannot use Student's t distribution: expected degrees of freedom above 0, got ${freedom}`,
  );
}

/** I_x(a, b), y being 1 − x. */
function incompleteBeta(x: number, y: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(y),
  );
  // The fraction converges fast on this side of the mean only.
  return x < (a + 1) / (a + b + 2)
    ? front * betaFraction(x, a, b) / a
    : 1 - front * betaFraction(y, b, a) / b;
}

/** The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const away = (value: number): number => Math.abs(value) < tiny ? tiny : value;
  let c = 1;
  let d = 1 / away(1 - (a + b) * x / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 10_000; m++) {
    const terms = [
      m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
      -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
    ];
    let change = 1;
    for (const term of terms) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      change = c * d;
      fraction *= change;
    }
    if (Math.abs(change - 1) < 1e-16) break;
  }
  return fraction;
}

const lanczos = [
  0.99999999999980993,
  676.5203681218851,
  -1259.1392167224028,
  771.32342877765313,
  -176.61502916214059,
  12.507343278686905,
  -0.13857109526572012,
  9.9843695780195716e-6,
  1.5056327351493116e-7,
];

/** ln Γ(z) for z > 0, by Lanczos's approximation (g = 7, nine terms). */
function logGamma(z: number): number {
  if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z);
  const shifted = z - 1;
  const sum = lanczos.reduce(
    (total, term, index) => total + (index === 0 ? term : term / (shifted + index)),
    0,
  );
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}
