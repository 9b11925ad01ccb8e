import assert from "node:assert/strict";
import fc from "fast-check";
import {
  holm,
  mean,
  meanInterval,
  meanTest,
  median,
  standardDeviation,
  standardError,
} from "../../src/study/statistics.ts";
import { randomStream } from "../../src/protocol/random.ts";

const close = (one: number, other: number, within = 1e-12): void =>
  assert.ok(Math.abs(one - other) <= within, `${one} is not ${other}`);

Deno.test("mean() and standardDeviation() agree with a sum worked out by hand", () => {
  // Squared distances from 5: 9, 1, 1, 1, 0, 0, 4, 16.
  const values = [2, 4, 4, 4, 5, 5, 7, 9];
  assert.equal(mean(values), 5);
  close(standardDeviation(values), Math.sqrt(32 / 7));
  close(standardError(values), Math.sqrt(32 / 7 / 8));
});

Deno.test("standardDeviation() is exactly zero for equal values", () => {
  assert.equal(standardDeviation([0.1, 0.1, 0.1]), 0); // their mean rounds to another number
  assert.deepEqual(meanInterval([0.3, 0.3]), [0.3, 0.3]);
});

Deno.test("median() takes the middle, or the mean of the two there, and keeps the order given", () => {
  const values = [5, 1, 3];
  assert.equal(median(values), 3);
  assert.deepEqual(values, [5, 1, 3]);
  assert.equal(median([10, 9, 1, 2]), 5.5);
  assert.equal(median([1, 2, Infinity]), 2);
});

Deno.test("meanInterval() is that of a printed example", () => {
  // Differences 1 to 5: mean 3, standard error √0.5, and 2.776 of it either side.
  const [low, high] = meanInterval([1, 2, 3, 4, 5]);
  close(low, 3 - 2.776445 * Math.sqrt(0.5), 1e-6);
  close(high, 3 + 2.776445 * Math.sqrt(0.5), 1e-6);
});

Deno.test("meanInterval() holds the true mean about 95 times of 100", () => {
  const random = randomStream(3, "interval coverage");
  let held = 0;
  for (let repeat = 0; repeat < 4000; repeat++) {
    const [low, high] = meanInterval(Array.from({ length: 4 }, () => 7 + 2 * random.normal()));
    if (low <= 7 && 7 <= high) held++;
  }
  close(held / 4000, 0.95, 0.015); // four standard errors of the count
});

Deno.test("meanTest() falls below 0.05 just where the interval leaves the value out", () => {
  const value = fc.double({ min: -5, max: 5, noNaN: true });
  fc.assert(fc.property(fc.array(value, { minLength: 2, maxLength: 9 }), value, (values, other) => {
    fc.pre(standardDeviation(values) > 1e-3);
    const [low, high] = meanInterval(values);
    fc.pre(Math.min(Math.abs(low - other), Math.abs(high - other)) > 1e-6);
    assert.equal(meanTest(values, other) < 0.05, other < low || other > high);
  }));
});

Deno.test("meanTest() of values without variance is 1 at their value and 0 elsewhere", () => {
  assert.equal(meanTest([2, 2, 2], 2), 1);
  assert.equal(meanTest([2, 2, 2], 1.9), 0);
});

Deno.test("holm() multiplies step by step, never falls, and stops at one", () => {
  // Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1; the last may not fall below the one before.
  const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
  [0.03, 0.06, 0.06, 0.02].forEach((value, index) => close(adjusted[index], value));
  assert.deepEqual(holm([0.9, 0.8]), [1, 1]);
  assert.deepEqual(holm([]), []);
});

Deno.test("statistics of too few values are errors", () => {
  assert.throws(() => mean([]), /at least one value, got 0/);
  assert.throws(() => median([]), RangeError);
  assert.throws(() => standardDeviation([1]), /at least 2 values, got 1/);
  assert.throws(() => meanInterval([1]), RangeError);
});
