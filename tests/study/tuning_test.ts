import assert from "node:assert/strict";
import { readStudy } from "../../src/study/read_study.ts";
import type { FailedRun, StudyRun } from "../../src/study/result.ts";
import { chooseTrials, chosenSettings } from "../../src/study/tuning.ts";

const study = readStudy({
  name: "Example",
  cells: { a: {} },
  methods: { IFALoRA: {}, ITALoRA: {} },
  grid: [{ cells: ["a"], methods: ["IFALoRA", "ITALoRA"], seeds: [1] }],
  tuning: { cell: "a", seed: 7, trials: [{ lr: 0.1 }, { lr: 0.2 }, { lr: 0.3 }] },
});

type Final = readonly [accuracy: number, loss: number] | "failed";

/** Trials that ended as told; null has not ended. */
function choose(finals: Readonly<Record<string, readonly (Final | null)[]>>) {
  const ended = Object.entries(finals).flatMap(([method, ofMethod]) =>
    ofMethod.flatMap((final, trial): (StudyRun | FailedRun)[] => {
      if (final === null) return [];
      if (final === "failed") {
        return [{ method, trial, failed: "the loss became NaN" } as FailedRun];
      }
      const [accuracy, loss] = final;
      return [{ method, trial, summary: { final: { round: 1, accuracy, loss } } } as StudyRun];
    })
  );
  return chooseTrials(study, ended)!;
}

Deno.test("chooseTrials() takes the highest accuracy, among equals the lowest loss, then the first", () => {
  const { methods } = choose({
    IFALoRA: [[0.5, 1], [0.6, 3], [0.6, 2]],
    ITALoRA: [[0.5, 1], [0.5, 1], [0.4, 0.5]],
  });
  assert.deepEqual([methods.IFALoRA.chosen, methods.ITALoRA.chosen], [2, 0]);
  assert.deepEqual(methods.IFALoRA.trials[1], { settings: { lr: 0.2 }, accuracy: 0.6, loss: 3 });
});

Deno.test("chooseTrials() passes over failed trials and keeps them", () => {
  const choices = choose({
    IFALoRA: ["failed", [0.1, 3], "failed"],
    ITALoRA: ["failed", "failed", "failed"],
  });
  assert.deepEqual([choices.methods.IFALoRA.chosen, choices.methods.ITALoRA.chosen], [1, null]);
  assert.deepEqual(choices.methods.ITALoRA.trials[2], {
    settings: { lr: 0.3 },
    accuracy: null,
    loss: null,
  });
  assert.deepEqual(chosenSettings(choices), { IFALoRA: { lr: 0.2 } });
});

Deno.test("chooseTrials() waits for a method's last trial", () => {
  const { methods } = choose({
    IFALoRA: [[0.5, 1], null, [0.6, 2]],
    ITALoRA: [[0.5, 1], [0.4, 1], [0.3, 1]],
  });
  assert.deepEqual(Object.keys(methods), ["ITALoRA"]);
});

Deno.test("chooseTrials() chooses nothing in a study without a tuning", () => {
  const { tuning: _, ...untuned } = study;
  assert.equal(chooseTrials(untuned, []), undefined);
});
