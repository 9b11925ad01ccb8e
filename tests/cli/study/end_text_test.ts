import assert from "node:assert/strict";
import { endLines } from "../../../src/cli/study/end_text.ts";
import { sampleStudy } from "../../study/sample_study.ts";

const one = { settings: {}, peak: 0.5, pace: 2 };
const results = sampleStudy({
  rounds: 2,
  cells: { iid: { settings: { partition: "iid" }, level: 1 } },
  methods: { first: one, second: { ...one, fails: [2] } },
  grid: [{ cells: ["iid"], methods: ["first", "second"], seeds: [1, 2] }],
  study: {
    tuning: { cell: "iid", seed: 9, trials: [{ lr: 0.01 }, { lr: 0.1 }], settings: {} },
  },
});
const failed = [
  "Failed   first, trial 2 of the tuning: The validation loss was not finite in round 3",
  "Failed   second, trial 2 of the tuning: The validation loss was not finite in round 3",
  "Failed   second in iid, seed 2: The validation loss was not finite in round 3",
];

Deno.test("endLines() tells what failed", () => {
  assert.deepEqual(endLines(results), failed);
});

Deno.test("endLines() counts runs and trials without a result", () => {
  const { runs, trials } = results;
  assert.deepEqual(endLines({ ...results, runs: runs.slice(1) }), [
    ...failed,
    "One run has no result; deno task study makes it",
  ]);
  const missing = trials.filter(({ method, trial }) => method !== "first" || trial !== 0);
  assert.deepEqual(
    endLines({ ...results, runs: runs.slice(1), trials: missing }).at(-1),
    "2 runs have no result; deno task study makes them",
  );
});

Deno.test("endLines() leaves out the runs of a method none of whose trials finished", () => {
  const trials = results.trials.map((run) =>
    run.method === "first" ? { ...run, failed: "It diverged" } : run
  );
  const runs = results.runs.filter(({ method }) => method !== "first");
  assert.equal(
    endLines({ ...results, runs, trials }).some((line) => /no result/.test(line)),
    false,
  );
});
