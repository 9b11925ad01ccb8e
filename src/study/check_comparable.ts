/**
 * Whether a study's runs may stand beside each other.
 *
 * @module
 */

import { completeRunConfig } from "../federated/complete_run_config.ts";
import type { RunConfig } from "../federated/run_config.ts";
import { UserError } from "../protocol/errors.ts";
import type { StudyRun } from "./result.ts";
import { recordedSetting } from "./recorded_setting.ts";
import { resultPath } from "./run_place.ts";
import type { Study, StudySettings } from "./study.ts";
import type { StudyResults } from "./study_results.ts";

/** Settings that name files, of which a run keeps the names without their folders. */
const fileSettings: readonly string[] = ["data", "model", "labels"];

/** Facts that all runs of a cell share; `setting` is the one by which a method may differ in it on purpose. */
const sharedFacts: readonly {
  readonly name: string;
  readonly of: (run: StudyRun) => unknown;
  readonly setting?: keyof StudySettings;
}[] = [
  { name: "data", of: ({ data }) => data, setting: "data" },
  { name: "model", of: ({ model }) => model, setting: "model" },
  { name: "number of rounds", of: ({ rounds }) => rounds.length, setting: "rounds" },
  { name: "labels", of: ({ facts }) => facts.labels.join(", ") },
  {
    name: "number of validation rows",
    of: ({ facts }) => facts.validationRows,
    setting: "evalPosts",
  },
  { name: "number of test rows", of: ({ facts }) => facts.testRows },
];

/**
 * Checks that the runs of each cell are over the same data, model, rows and rounds, and that each run was made with the settings its study has.
 *
 * @throws UserError naming the runs.
 */
export function checkComparable({ study, runs }: StudyResults): void {
  for (const run of runs) checkSettings(study, run);
  for (const { name, of, setting } of sharedFacts) {
    const firsts = new Map<string, StudyRun>();
    for (const run of runs) {
      if (setting !== undefined && Object.hasOwn(study.methods[run.method], setting)) continue;
      const first = firsts.get(run.cell) ?? run;
      firsts.set(run.cell, first);
      if (of(first) === of(run)) continue;
      throw new UserError(
        `Cannot compare ${resultPath(first)} with ${resultPath(run)}: expected ` +
          `the same ${name}, got ${of(first)} and ${of(run)}`,
      );
    }
  }
}

/** What the study says in so many words has to be what the run was made with; what a tuning chose may be any. */
function checkSettings(study: Study, { cell, method, seed, config }: StudyRun): void {
  const tuned = new Set(study.tuning?.trials.flatMap((trial) => Object.keys(trial)) ?? []);
  const declared = { ...study.settings, ...study.cells[cell], ...study.methods[method] };
  const complete = completeRunConfig(declared, { threads: 1, now: new Date(0) });
  for (const key of Object.keys(declared) as (keyof RunConfig)[]) {
    const [expected, actual] = [complete[key], recordedSetting(config, key)];
    if (tuned.has(key) || fileSettings.includes(key)) continue;
    if (JSON.stringify(actual) === JSON.stringify(expected)) continue;
    throw new UserError(
      `Cannot report ${resultPath({ cell, method, seed })}: expected ${key} ` +
        `${JSON.stringify(expected)} as study.json has it, got ${JSON.stringify(actual)}`,
    );
  }
}
