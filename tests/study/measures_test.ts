import assert from "node:assert/strict";
import { comparesAsRatio, lateLoss, reading, tierDrops } from "../../src/study/measures.ts";
import type { StudyRun } from "../../src/study/result.ts";
import { metrics, runMetrics } from "../../src/study/study.ts";
import { sampleStudy } from "./sample_study.ts";

/** A run whose rounds have these accuracies and 100 bytes up each. */
function runOf(accuracies: readonly number[]): StudyRun {
  const { runs: [run] } = sampleStudy({
    rounds: accuracies.length,
    cells: { iid: { settings: {}, level: 1 } },
    methods: { one: { settings: {}, peak: 0.5, pace: 4 } },
    grid: [{ cells: ["iid"], methods: ["one"], seeds: [1] }],
  });
  const rounds = run.rounds.map((round, index) => ({
    ...round,
    accuracy: accuracies[index],
    cumulativeUp: 100 * (index + 1),
    worstClient: accuracies[index] / 4,
  }));
  const at = (index: number) => ({
    round: index + 1,
    accuracy: accuracies[index],
    worstClient: accuracies[index] / 4,
    loss: 1,
  });
  return {
    ...run,
    rounds,
    summary: {
      ...run.summary,
      best: at(accuracies.indexOf(Math.max(...accuracies))),
      final: at(accuracies.length - 1),
      test: { rows: 10, accuracyAtBest: 0.7, accuracyAtFinal: 0.625 },
    },
  };
}

Deno.test("reading() knows every metric", () => {
  const run = runOf([0.25, 0.75, 0.5]);
  const read = Object.fromEntries(runMetrics.map((metric) => [metric, reading(run, metric, 0.5)]));
  const reached = true;
  assert.deepEqual(read, {
    testAtFinal: { value: 0.625, reached },
    testAtBest: { value: 0.7, reached },
    final: { value: 0.5, reached },
    best: { value: 0.75, reached },
    finalLoss: { value: 1, reached },
    worstClient: { value: 0.125, reached },
    roundsToTarget: { value: 2, reached },
    bytesToTarget: { value: 200, reached },
  });
});

Deno.test("reading() counts to the first round at the target, and to the end where none is", () => {
  const run = runOf([0.25, 0.75, 0.5]);
  assert.deepEqual(reading(run, "roundsToTarget", 0.75), { value: 2, reached: true });
  assert.deepEqual(reading(run, "roundsToTarget", 0.76), { value: 3, reached: false });
  assert.deepEqual(reading(run, "bytesToTarget", 0.76), { value: 300, reached: false });
});

Deno.test("reading() has nothing where the run does not know it", () => {
  const run = runOf([0.5]);
  const { test: _test, ...summary } = run.summary;
  const { worstClient: _worst, ...round } = run.rounds[0];
  const old: StudyRun = { ...run, summary, rounds: [round] };
  assert.deepEqual(
    runMetrics.filter((metric) => reading(old, metric) === undefined),
    ["testAtFinal", "testAtBest", "worstClient", "roundsToTarget", "bytesToTarget"],
  );
});

Deno.test("comparesAsRatio() tells ratios from differences", () => {
  assert.deepEqual(metrics.filter(comparesAsRatio), [
    "finalLoss",
    "roundsToTarget",
    "bytesToTarget",
    "roundsToRivalsBest",
  ]);
});

Deno.test("lateLoss() is what the last round lacks to the best", () => {
  assert.equal(lateLoss(runOf([0.25, 0.75, 0.5])), 0.25);
  assert.equal(lateLoss(runOf([0.25, 0.5])), 0);
});

Deno.test("tierDrops() sets what arrives against the round before, for each rank there is", () => {
  const run = runOf([0.5, 0.75, 0.25]);
  const tiers = (...entries: [number, number, number][]) => ({
    perTier: entries.map(([rank, clients, accuracyAfterDistribution]) => ({
      rank,
      clients,
      accuracyAfterDistribution,
    })),
  });
  const rounds = [
    { ...run.rounds[0], ...tiers([8, 2, 0], [2, 2, 0]) }, // nothing stands before the first round
    { ...run.rounds[1], ...tiers([8, 2, 0.5], [2, 2, 0.25]) },
    { ...run.rounds[2], ...tiers([8, 2, 0.75], [2, 0, 0]) }, // nobody of rank 2 took part
  ];
  assert.deepEqual(tierDrops({ ...run, rounds }), [
    { rank: 2, mean: 0.25, largest: 0.25 },
    { rank: 8, mean: 0, largest: 0 },
  ]);
  assert.deepEqual(tierDrops(runOf([0.5])), []);
  const local = { ...run.config, aggregation: "local" as const };
  assert.deepEqual(tierDrops({ ...run, config: local, rounds }), [], "nothing is distributed");
});

Deno.test("tierDrops() takes what rounding makes of equal accuracies as no drop", () => {
  const run = runOf([0.089, 0.5]);
  const held = (0.089 + 0.089 + 0.089) / 3;
  assert.notEqual(held, 0.089);
  const rounds = run.rounds.map((round) => ({
    ...round,
    perTier: [{ rank: 2, clients: 3, accuracyAfterDistribution: held }],
  }));
  assert.deepEqual(tierDrops({ ...run, rounds }), [{ rank: 2, mean: 0, largest: 0 }]);
});
