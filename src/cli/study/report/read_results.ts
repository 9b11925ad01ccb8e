import { join } from "node:path";
import { UserError } from "../../../protocol/errors.ts";
import type { FailedRun, StudyRun } from "../../../study/result.ts";
import { resultPath, type RunPlace } from "../../../study/run_place.ts";
import type { Study } from "../../../study/study.ts";
import { hasFailed, placesOf, type StudyResults } from "../../../study/study_results.ts";
import { readOutcome } from "../outcome_file.ts";

/**
 * Reads what a folder holds of a study's grid and tuning; runs that are not there yet are left out.
 *
 * @throws UserError naming the file that is not what it should be.
 */
export async function readResults(folder: string, study: Study): Promise<StudyResults> {
  const runs: StudyRun[] = [];
  const failed: FailedRun[] = [];
  for (const place of placesOf(study)) {
    const run = await readPlaced(folder, place);
    if (run === undefined) continue;
    if (hasFailed(run)) failed.push(run);
    else runs.push(run);
  }
  return { study, runs, failed, trials: await readTrials(folder, study) };
}

async function readTrials(
  folder: string,
  { tuning, methods }: Study,
): Promise<(StudyRun | FailedRun)[]> {
  if (tuning === undefined) return [];
  const { cell, seed, trials } = tuning;
  const read: (StudyRun | FailedRun)[] = [];
  for (const method of Object.keys(methods)) {
    for (const trial of trials.keys()) {
      const run = await readPlaced(folder, { cell, method, seed, trial });
      if (run !== undefined) read.push(run);
    }
  }
  return read;
}

/** A run's result, if it is there; it has to be of the run whose place it lies in. */
async function readPlaced(
  folder: string,
  place: RunPlace,
): Promise<StudyRun | FailedRun | undefined> {
  const path = join(folder, resultPath(place));
  const run = await readOutcome(path);
  if (run === undefined) return undefined;
  for (const [key, expected] of Object.entries(place)) {
    const actual = run[key as keyof typeof place];
    if (actual === expected) continue;
    throw new UserError(
      `Cannot read "${path}": expected ${key} ${expected} by its place, got ${actual ?? "none"}`,
    );
  }
  return run;
}
