import assert from "node:assert/strict";
import { compareMethods } from "../../src/study/compare_methods.ts";
import { scoredStudy } from "./scored_study.ts";

/** Validation accuracies after each of four rounds, by method, one list a seed from 1 on. */
type Courses = Readonly<Record<string, readonly (readonly number[])[]>>;

const compareToRivalsBest = (courses: Courses) => {
  const scores = Object.fromEntries(
    Object.entries(courses).map(([method, runs]) => [method, runs.map(() => 0.5)] as const),
  );
  const results = scoredStudy({ iid: scores }, [], (method, seed) => courses[method][seed - 1]);
  return (method: string, than: string) =>
    compareMethods(results, "iid", "roundsToRivalsBest", method, than);
};

Deno.test("compareMethods() counts to the rival's best of the same seed, whatever the cell's target", () => {
  const compare = compareToRivalsBest({
    A: [[0.1, 0.3, 0.4, 0.4], [0.7, 0.6, 0.6, 0.6], [0.9, 0.9, 0.9, 0.9]],
    B: [[0.1, 0.1, 0.2, 0.3], [0.1, 0.7, 0.7, 0.5], [0.1, 0.1, 0.1, 0.4]],
  });
  const { scale, pairs, unknown } = compare("A", "B");
  assert.equal(scale, "ratio");
  assert.deepEqual(unknown, []);
  // B's best: 0.3 in round 4, 0.7 in round 2 (the first of two), 0.4 in round 4. A gets there in rounds 2, 1 and 1.
  assert.deepEqual(pairs, [
    { seed: 1, effect: 2, bound: "exact" },
    { seed: 2, effect: 2, bound: "exact" },
    { seed: 3, effect: 4, bound: "exact" },
  ]);
});

Deno.test("compareMethods() bounds the ratio where the method never gets to the rival's best", () => {
  const compare = compareToRivalsBest({
    A: [[0.1, 0.3, 0.4, 0.4], [0.7, 0.6, 0.6, 0.6]],
    B: [[0.1, 0.1, 0.2, 0.3], [0.1, 0.7, 0.7, 0.5]],
  });
  // The other way round: A's best is 0.4 in round 3, which B never has, and 0.7 in round 1, which B has in round 2.
  assert.deepEqual(compare("B", "A").pairs, [
    { seed: 1, effect: 3 / 4, bound: "at most" },
    { seed: 2, effect: 1 / 2, bound: "exact" },
  ]);
});

Deno.test("compareMethods() leaves out seeds that the rival has not run", () => {
  const compare = compareToRivalsBest({
    A: [[0.1, 0.3, 0.4, 0.4], [0.7, 0.6, 0.6, 0.6]],
    B: [[0.1, 0.1, 0.2, 0.3]],
  });
  assert.deepEqual(compare("A", "B").pairs.map(({ seed }) => seed), [1]);
  assert.deepEqual(compare("B", "A").pairs.map(({ seed }) => seed), [1]);
});

Deno.test("compareMethods() pairs by seed: what a seed adds to both methods widens no interval", () => {
  const luck = [0, 0.1, 0.2, 0.15, 0.05];
  const jitter = [0.001, -0.001, 0.002, 0, -0.002];
  const A = luck.map((value, index) => 0.32 + value + jitter[index]);
  const B = luck.map((value) => 0.3 + value);
  const compared = (methods: { A: number[]; B: number[] }) =>
    compareMethods(scoredStudy({ iid: methods }, []), "iid", "testAtFinal", "A", "B");
  const [low, high] = compared({ A, B }).interval!;
  // Differences 2 points ± jitter of s = 0.158 points: 2.776 · 0.158 / √5 = 0.196.
  assert.ok(Math.abs(low - 0.01804) < 1e-4 && Math.abs(high - 0.02196) < 1e-4, `${low} ${high}`);
  // The same scores with other seeds' rivals: as wide as the luck.
  const [unpairedLow, unpairedHigh] = compared({ A, B: [...B.slice(2), ...B.slice(0, 2)] })
    .interval!;
  assert.ok(unpairedHigh - unpairedLow > 0.2 && unpairedLow < 0);
});
