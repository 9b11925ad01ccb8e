import assert from "node:assert/strict";
import { studyProgress } from "../../../src/cli/study/progress.ts";
import { completeRunConfig } from "../../../src/federated/complete_run_config.ts";
import type { PlannedRun } from "../../../src/study/grid.ts";
import type { FailedRun, StudyRun } from "../../../src/study/result.ts";

const run = (seed: number, trial?: number): PlannedRun => ({
  cell: "iid",
  method: "IFALoRA",
  seed,
  ...(trial !== undefined && { trial }),
  config: completeRunConfig({ seed, rounds: 4 }),
});

const finished = {
  summary: {
    final: { round: 4, accuracy: 0.312, loss: 2 },
    test: { rows: 9, accuracyAtBest: 0.31, accuracyAtFinal: 0.305 },
  },
} as StudyRun;

/** An output that remembers, with a clock that a test sets. */
function output(terminal: boolean) {
  const lines: string[] = [];
  const shown: string[] = [];
  const clock = { seconds: 0 };
  const progress = studyProgress({
    line: (text) => lines.push(text),
    status: terminal ? (text) => shown.push(text) : undefined,
    now: () => 1000 * clock.seconds,
  });
  return { progress, lines, shown, clock };
}

Deno.test("studyProgress() writes a line for each run that ends, with the time left", () => {
  const { progress, lines, clock } = output(false);
  progress.plan(10, 4);
  const one = run(1), two = run(2), trial = run(9, 0);
  progress.begin(one);
  clock.seconds = 60;
  progress.end(one, finished);
  progress.begin(two);
  clock.seconds = 120;
  progress.end(two, { failed: "the loss became NaN after round 2" } as FailedRun);
  progress.begin(trial);
  clock.seconds = 180;
  progress.end(trial, { notDone: "TypeError: no\n    at once" });
  assert.deepEqual(lines, [
    " 5/10  IFALoRA in iid, seed 1  validation 31.2 %  test 30.5 %  1 min 00 s  5 min 00 s left",
    " 6/10  IFALoRA in iid, seed 2  failed: the loss became NaN after round 2  1 min 00 s  4 min 00 s left",
    " 7/10  IFALoRA, trial 1 of the tuning  1 min 00 s  3 min 00 s left  not done: TypeError: no\n    at once",
  ]);
});

Deno.test("studyProgress() keeps a status line under the others on a terminal", () => {
  const { progress, lines, shown, clock } = output(true);
  progress.plan(2, 0);
  assert.equal(shown.at(-1), "0 of 2 runs done");
  const one = run(1);
  const hear = progress.begin(one);
  clock.seconds = 50;
  hear.round(2); // of 4 rounds and the test after them
  assert.equal(shown.at(-1), "0 of 2 runs done · IFALoRA 2/4 · 3 min 20 s left");
  hear.note("Tokens are not cached");
  assert.equal(lines.at(-1), "IFALoRA in iid, seed 1: Tokens are not cached");
  progress.end(one, finished);
  assert.equal(lines.at(-1), "1/2  IFALoRA in iid, seed 1  validation 31.2 %  test 30.5 %  50.0 s");
  assert.deepEqual(shown.slice(-2), ["", "1 of 2 runs done · 50.0 s left"]);
  progress.close();
  assert.equal(shown.at(-1), "");
});

Deno.test("studyProgress() counts a run that is tried again once", () => {
  const { progress, shown } = output(true);
  progress.plan(2, 0);
  const one = run(1);
  progress.begin(one).round(3);
  progress.begin(one);
  assert.equal(shown.at(-1), "0 of 2 runs done · IFALoRA 0/4");
  progress.end(one, finished);
  assert.match(shown.at(-1)!, /^1 of 2 runs done · /);
});

Deno.test("studyProgress() goes on counting when the tuning has settled how many runs there are", () => {
  const { progress, shown, clock } = output(true);
  progress.plan(4, 1);
  const trial = run(9, 0);
  progress.begin(trial);
  clock.seconds = 10;
  progress.end(trial, finished);
  progress.plan(3, 2); // a method fell out
  assert.equal(shown.at(-1), "2 of 3 runs done · 10.0 s left");
});
