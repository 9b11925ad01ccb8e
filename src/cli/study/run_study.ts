/** A study from its plan to its results: the tuning, then the grid, each run kept as it ends. @module */

import type { RunSurroundings } from "../../study/grid.ts";
import { type FailedRun, type StudyRun, studyRunKind } from "../../study/result.ts";
import { resultPath } from "../../study/run_place.ts";
import type { Study } from "../../study/study.ts";
import type { TuningChoices } from "../../study/tuning.ts";
import { join } from "node:path";
import { settingsText } from "../../federated/setting_text.ts";
import { removeIfThere } from "../remove_if_there.ts";
import { percentText } from "../units.ts";
import { fingerprinter } from "./fingerprints.ts";
import { openStudyFolder, writeChoices, writeOutcome, writeStudy } from "./folder.ts";
import type { Pool } from "./pool.ts";
import { prepareSources } from "./prepare_sources.ts";
import type { StudyProgress } from "./progress.ts";
import { recordedConfig } from "./recorded_config.ts";
import { readState, type RunState, toDo } from "./study_state.ts";
import type { Outcome } from "./worker_process.ts";

/** What a study is run with. */
export interface StudyJob {
  readonly study: Study;
  /** Where its results are kept. */
  readonly folder: string;
  readonly surroundings: RunSurroundings;
  readonly pool: Pool;
  readonly progress: StudyProgress;
  /** Called in the middle of preparations; may throw to end them. */
  readonly check: () => void;
}

/**
 * Makes the runs of a study that its folder does not keep yet. One that comes to no result, for reasons beside its settings, is left to the next time.
 *
 * @throws UserError when the folder or a file does not fit the study; what is done stays.
 */
export async function runStudy(job: StudyJob): Promise<void> {
  using _lock = await openStudyFolder(job.folder, job.study);
  await removeScratch(job.folder);
  try {
    await runPhases(job);
  } finally {
    await removeScratch(job.folder);
  }
}

async function runPhases(job: StudyJob): Promise<void> {
  const { study, folder, surroundings, progress, check } = job;
  const fingerprintsOf = fingerprinter();
  const read = () => readState(study, folder, surroundings, fingerprintsOf);

  const before = await read();
  const known = [...before.trials, ...before.grid];
  await prepareSources(
    toDo(known).map(({ run }) => run),
    false,
    progress.note,
    (done, total) => {
      check();
      progress.prepare(done, total);
    },
  );
  await writeStudy(folder, study);
  progress.plan(known.length, known.length - toDo(known).length);
  await runAll(job, toDo(before.trials));

  const tuned = await read();
  const { choices } = tuned;
  if (choices) {
    await writeChoices(folder, choices);
    for (const line of choiceLines(choices)) progress.note(line);
  }
  // A method is settled when its last trial has ended; until then its runs are left to the next time.
  const ready = toDo(tuned.grid).filter(({ run }) =>
    choices === undefined || Object.hasOwn(choices.methods, run.method)
  );
  const all = [...tuned.trials, ...tuned.grid];
  progress.plan(all.length, all.length - toDo(all).length);
  await runAll(job, ready);
}

/** Makes runs and keeps their results. */
async function runAll(
  { folder, pool, progress }: StudyJob,
  states: readonly RunState[],
): Promise<void> {
  const byPath = new Map(states.map((state) => [resultPath(state.run), state]));
  const runs = states.map(({ run }) => ({
    ...run,
    config: { ...run.config, out: join(scratchFolder(folder), resultPath(run)) },
  }));
  await pool.runAll(runs, {
    begin: progress.begin,
    async end(run, outcome) {
      const result = resultOf(byPath.get(resultPath(run))!, outcome);
      if (!("notDone" in result)) await writeOutcome(folder, run, result);
      progress.end(run, result);
    },
  });
}

/** Where runs put what they need no longer than they last. */
function scratchFolder(folder: string): string {
  return join(folder, "scratch");
}

function removeScratch(folder: string): Promise<void> {
  return removeIfThere(scratchFolder(folder), { recursive: true });
}

function resultOf(
  { run: { cell, method, seed, trial, config }, fingerprints }: RunState,
  outcome: Outcome,
): StudyRun | FailedRun | { readonly notDone: string } {
  const place = {
    kind: studyRunKind,
    cell,
    method,
    seed,
    ...(trial !== undefined && { trial }),
    config: recordedConfig(config),
    ...fingerprints,
  } as const;
  if (outcome.kind === "done") return { ...place, ...outcome.run };
  const { cause, message } = outcome.failure;
  return cause === "diverged" ? { ...place, failed: message } : { notDone: message };
}

function choiceLines({ methods }: TuningChoices): string[] {
  return Object.entries(methods).map(([method, { chosen, trials }]) => {
    if (chosen === null) return `Tuned    ${method}: every trial failed; its runs are left out`;
    const { settings, accuracy } = trials[chosen];
    const chosenText = settingsText(Object.entries(settings));
    return `Tuned    ${method}: ${chosenText} (validation ${percentText(accuracy!)})`;
  });
}
