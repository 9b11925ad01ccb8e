import assert from "node:assert/strict";
import { placeText, resultPath, runName } from "../../src/study/run_place.ts";

const run = { cell: "iid", method: "IFALoRA", seed: 3 };
const trial = { ...run, trial: 0 };

Deno.test("runName() names a run of the grid and a trial", () => {
  assert.equal(runName(run), "IFALoRA in iid, seed 3");
  assert.equal(runName(trial), "IFALoRA, trial 1 of the tuning");
});

Deno.test("resultPath() gives a run of the grid and a trial files of their own", () => {
  assert.equal(resultPath(run), `runs/${placeText(run)}.json`);
  assert.equal(resultPath(run), "runs/iid/IFALoRA/seed-3.json");
  assert.equal(resultPath(trial), "tuning/IFALoRA/trial-0.json");
});
