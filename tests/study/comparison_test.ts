import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compareAccuracies,
  compareCounts,
  comparisonTest,
  inverted,
  noEffect,
} from "../../src/study/comparison.ts";
import type { Reading } from "../../src/study/measures.ts";

const reached = (value: number): Reading => ({ value, reached: true });
const never = (value: number): Reading => ({ value, reached: false });
const bySeed = (...readings: Reading[]): Map<number, Reading> =>
  new Map(readings.map((reading, index) => [index + 1, reading]));
const close = (one: number | undefined, other: number): void =>
  assert.ok(one !== undefined && Math.abs(one - other) < 1e-9, `${one} is not ${other}`);

Deno.test("compareAccuracies() pairs over common seeds, in order, whatever the maps' order", () => {
  const method = new Map([[3, reached(0.5)], [1, reached(0.4)], [9, reached(0.9)]]);
  const than = new Map([[1, reached(0.3)], [2, reached(0)], [3, reached(0.2)]]);
  const { pairs, mean, interval, scale } = compareAccuracies(method, than);
  assert.equal(scale, "difference");
  assert.deepEqual(pairs.map(({ seed }) => seed), [1, 3]);
  close(pairs[0].effect, 0.1);
  close(mean, 0.2);
  // Differences 0.1 and 0.3: s = 0.2/√2, so s/√2 = 0.1, and t of one degree is 12.7062.
  close(interval?.[0], 0.2 - 0.1 * Math.tan(Math.PI * 0.475));
  close(interval?.[1], 0.2 + 0.1 * Math.tan(Math.PI * 0.475));
});

Deno.test("compareAccuracies() of one common seed has a mean and no interval, of none neither", () => {
  const one = compareAccuracies(bySeed(reached(0.5)), bySeed(reached(0.25), reached(0.1)));
  assert.equal(one.mean, 0.25);
  assert.equal(one.interval, undefined);
  assert.equal(comparisonTest(one, 0), undefined);
  const none = compareAccuracies(new Map([[7, reached(1)]]), bySeed(reached(0.25)));
  assert.deepEqual([none.pairs.length, none.mean, none.interval], [0, undefined, undefined]);
});

Deno.test("compareAccuracies() of equal differences has an interval without width", () => {
  const { interval } = compareAccuracies(
    bySeed(reached(0.5), reached(0.75)),
    bySeed(reached(0.25), reached(0.5)),
  );
  assert.deepEqual(interval, [0.25, 0.25]);
});

Deno.test("compareCounts() takes the geometric mean of than / method", () => {
  const { mean, scale, interval } = compareCounts(
    bySeed(reached(10), reached(10)),
    bySeed(reached(20), reached(80)),
  );
  assert.equal(scale, "ratio");
  close(mean, 4); // √(2 · 8)
  assert.ok(interval![0] < 4 && interval![1] > 4);
  close(interval![0] * interval![1], 16); // symmetric in the logarithm
});

Deno.test("compareCounts() keeps bounded pairs as bounds and counts the ones nothing is known of", () => {
  const { pairs, unknown, mean } = compareCounts(
    bySeed(reached(10), never(40), never(40), reached(5)),
    bySeed(never(40), reached(20), never(40), reached(5)),
  );
  assert.deepEqual(pairs, [
    { seed: 1, effect: 4, bound: "at least" },
    { seed: 2, effect: 0.5, bound: "at most" },
    { seed: 4, effect: 1, bound: "exact" },
  ]);
  assert.deepEqual(unknown, [3]);
  close(mean, Math.cbrt(2));
});

Deno.test("compareCounts() knows no ratio to a run that sent nothing", () => {
  const { pairs, unknown } = compareCounts(bySeed(reached(0)), bySeed(reached(100)));
  assert.deepEqual([pairs, unknown], [[], [1]]);
});

Deno.test("comparisonTest() falls below 0.05 just where the interval leaves the margin out", () => {
  const count = fc.integer({ min: 1, max: 40 });
  const readings = fc.array(fc.tuple(count, count), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(readings, fc.double({ min: 0.2, max: 5, noNaN: true }), (values, margin) => {
      const comparison = compareCounts(
        bySeed(...values.map(([value]) => reached(value))),
        bySeed(...values.map(([, value]) => reached(value))),
      );
      const [low, high] = comparison.interval!;
      fc.pre(high / low > 1.001 && Math.abs(Math.log(low / margin)) > 1e-6);
      fc.pre(Math.abs(Math.log(high / margin)) > 1e-6);
      const excluded = margin < low || margin > high;
      assert.equal(comparisonTest(comparison, margin)! < 0.05, excluded);
    }),
  );
});

Deno.test("inverted() is the comparison of the two the other way round", () => {
  const one = bySeed(reached(10), never(40), reached(5), reached(4));
  const other = bySeed(never(40), reached(20), reached(15), reached(5));
  const [turned, expected] = [inverted(compareCounts(one, other)), compareCounts(other, one)];
  turned.pairs.forEach((pair, index) => {
    assert.equal(pair.bound, expected.pairs[index].bound);
    close(pair.effect, expected.pairs[index].effect);
  });
  close(turned.mean, expected.mean!);
  turned.interval!.forEach((end, side) => close(end, expected.interval![side]));
  assert.deepEqual(inverted(compareCounts(one, new Map())), compareCounts(one, new Map()));
});

Deno.test("noEffect() is zero of differences and one of ratios", () => {
  assert.deepEqual([noEffect("difference"), noEffect("ratio")], [0, 1]);
});
