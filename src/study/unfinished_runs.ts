/** What of a study is still to do. @module */

import { gridMethods } from "./grid.ts";
import type { RunPlace } from "./run_place.ts";
import { missingRuns, type StudyResults } from "./study_results.ts";
import { chooseTrials } from "./tuning.ts";

/** Trials and runs that have neither ended nor failed; a method all of whose trials failed has no runs to do. */
export function unfinishedRuns(results: StudyResults): RunPlace[] {
  const untuned = untunedMethods(results);
  const runs = missingRuns(results).filter(({ method }) => !untuned.includes(method));
  return [...missingTrials(results), ...runs];
}

/** Methods that the tuning found no settings for. */
export function untunedMethods({ study, trials }: StudyResults): string[] {
  return Object.entries(chooseTrials(study, trials)?.methods ?? {})
    .filter(([, { chosen }]) => chosen === null)
    .map(([method]) => method);
}

function missingTrials({ study, trials }: StudyResults): RunPlace[] {
  const { tuning } = study;
  if (tuning === undefined) return [];
  const { cell, seed } = tuning;
  return gridMethods(study)
    .flatMap((method) => tuning.trials.map((_, trial) => ({ cell, method, seed, trial })))
    .filter(({ method, trial }) =>
      !trials.some((run) => run.method === method && run.trial === trial)
    );
}
