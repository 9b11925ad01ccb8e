import assert from "node:assert/strict";
import { meanCurve } from "../../src/study/curves.ts";
import type { StudyRun } from "../../src/study/result.ts";
import { sampleStudy } from "./sample_study.ts";

/** Runs with these accuracies, a list a seed. */
function runsOf(...seeds: readonly (readonly number[])[]): StudyRun[] {
  const { runs } = sampleStudy({
    rounds: Math.max(...seeds.map((accuracies) => accuracies.length)),
    cells: { iid: { settings: {}, level: 1 } },
    methods: { one: { settings: {}, peak: 0.5, pace: 4 } },
    grid: [{ cells: ["iid"], methods: ["one"], seeds: seeds.map((_, index) => index) }],
  });
  return runs.map((run, seed) => ({
    ...run,
    rounds: seeds[seed].map((accuracy, index) => ({ ...run.rounds[index], accuracy })),
  }));
}

Deno.test("meanCurve() takes mean and standard error over the seeds at each round", () => {
  const curve = meanCurve(
    runsOf([0.25, 0.5], [0.75, 0.5]),
    ({ round }) => 10 * round,
    ({ accuracy }) => accuracy,
  );
  // 0.25 and 0.75 deviate by √0.125, over √2 that is 0.25.
  assert.deepEqual(curve, [{ x: 10, y: 0.5, error: 0.25 }, { x: 20, y: 0.5, error: 0 }]);
});

Deno.test("meanCurve() of one seed has no error, and ends with the shortest run", () => {
  const x = ({ round }: { round: number }) => round;
  assert.deepEqual(
    meanCurve(runsOf([0.25]), x, ({ accuracy }) => accuracy),
    [{ x: 1, y: 0.25 }],
  );
  assert.equal(meanCurve(runsOf([0.25, 0.5], [0.5]), x, ({ accuracy }) => accuracy).length, 1);
  assert.deepEqual(meanCurve([], x, ({ accuracy }) => accuracy), []);
});

Deno.test("meanCurve() leaves out what a round does not know", () => {
  const curve = meanCurve(
    runsOf([0, 0.5, 0], [0.25, 0.75, 0]),
    ({ round }) => round,
    ({ accuracy }) => accuracy === 0 ? undefined : accuracy,
  );
  assert.deepEqual(curve.map(({ x, y }) => [x, y]), [[1, 0.25], [2, 0.625]]);
  assert.equal(curve[0].error, undefined);
});
