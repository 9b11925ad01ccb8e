import assert from "node:assert/strict";
import { planGrid, planTuning, type RunSurroundings } from "../../src/study/grid.ts";
import { resultPath } from "../../src/study/run_place.ts";
import { readStudy } from "../../src/study/read_study.ts";

const here: RunSurroundings = { device: "cpu", threads: 1, offline: false, cacheDir: null };

const study = readStudy({
  name: "Example",
  settings: { rounds: 9, lr: 0.5, batch: 4 },
  cells: { a: { batch: 8, seqLen: 32 }, b: {} },
  methods: { IFALoRA: {}, ITZLoRA: { batch: 2 }, unused: { method: "freeze" } },
  grid: [
    { cells: ["a", "b"], methods: ["ITZLoRA", "IFALoRA"], seeds: [1, 2] },
    { cells: ["a"], methods: ["IFALoRA"], seeds: [2, 3] },
  ],
  tuning: { cell: "a", seed: 7, trials: [{ lr: 0.1 }, { lr: 0.2 }], settings: { rounds: 3 } },
});

Deno.test("planGrid() makes every run once, seed by seed", () => {
  assert.deepEqual(planGrid(study, here).map(resultPath), [
    "runs/a/ITZLoRA/seed-1.json",
    "runs/a/IFALoRA/seed-1.json",
    "runs/b/ITZLoRA/seed-1.json",
    "runs/b/IFALoRA/seed-1.json",
    "runs/a/ITZLoRA/seed-2.json",
    "runs/a/IFALoRA/seed-2.json",
    "runs/b/ITZLoRA/seed-2.json",
    "runs/b/IFALoRA/seed-2.json",
    "runs/a/IFALoRA/seed-3.json",
  ]);
});

Deno.test("planGrid() lets the method's settings go before the cell's, and those before the study's", () => {
  const [zeros, adaptive, other] = planGrid(study, here).map(({ config }) => config);
  assert.deepEqual([zeros.batch, adaptive.batch, other.batch], [2, 8, 2]);
  assert.deepEqual([zeros.seqLen, adaptive.rounds, adaptive.lr], [32, 9, 0.5]);
  assert.deepEqual([zeros.method, zeros.aggregation], ["truncate", "zero-pad"]);
  assert.deepEqual([zeros.seed, zeros.device, zeros.threads], [1, "cpu", 1]);
});

Deno.test("planGrid() gives a method what was chosen for it, in every cell", () => {
  const runs = planGrid(study, here, { IFALoRA: { lr: 0.2 } });
  for (const { method, config } of runs) {
    assert.equal(config.lr, method === "IFALoRA" ? 0.2 : 0.5);
  }
});

Deno.test("planTuning() gives every method of the grid the same trials, and never the test rows", () => {
  const trials = planTuning(study, here);
  assert.deepEqual(
    trials.map(({ method, trial, config }) => [method, trial, config.lr]),
    [["IFALoRA", 0, 0.1], ["ITZLoRA", 0, 0.1], ["IFALoRA", 1, 0.2], ["ITZLoRA", 1, 0.2]],
  );
  for (const { config, cell, seed } of trials) {
    assert.deepEqual(
      [config.rounds, config.evalTest, config.seqLen, cell, seed],
      [3, false, 32, "a", 7],
    );
  }
  assert.equal(resultPath(trials[0]), "tuning/IFALoRA/trial-0.json");
});

Deno.test("planGrid() names the run that cannot be", () => {
  const refused = (methods: Record<string, unknown>, message: RegExp) => {
    const [method] = Object.keys(methods);
    const grid = [{ cells: ["iid"], methods: [method], seeds: [1] }];
    const study = readStudy({ name: "x", cells: { iid: { ranks: [2, 8] } }, methods, grid });
    assert.throws(() => planGrid(study, here), { name: "UserError", message });
  };
  refused({ IFALoRA: { rank: 4 } }, /^Cannot run IFALoRA in iid, seed 1: .*rank 8.*, 4/);
  refused(
    { even: { method: "freeze", aggregation: "fedit" } },
    /^Cannot run even in iid, seed 1: /,
  );
  refused({ full: {} }, /^Cannot run full in iid, seed 1: .*every client at rank 8, got rank 2/);
});
