/**
 * The folder of a study.
 *
 * ```
 * study.json                      the study, with files by their names alone
 * tuning/METHOD/trial-N.json      a trial of the tuning
 * tuning/choices.json             what was chosen, and each trial's score
 * runs/CELL/METHOD/seed-N.json    a run of the grid
 * ```
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import type { PlannedRun } from "../../study/grid.ts";
import type { FailedRun, StudyRun } from "../../study/result.ts";
import { resultPath } from "../../study/run_place.ts";
import type { Study } from "../../study/study.ts";
import type { TuningChoices } from "../../study/tuning.ts";
import { isLeftover, lockFolder, namesIn } from "../working_folder.ts";
import { writeAtomically } from "../write_atomically.ts";
import { readOutcome } from "./outcome_file.ts";
import { differenceOf, recordedConfig, withoutFolders } from "./recorded_config.ts";
import { mapSettings } from "./study_file.ts";

const studyFile = "study.json";

/** What a run's results are told apart by, beside its settings. */
export type Fingerprints = Pick<StudyRun, "data" | "model">;

/**
 * Claims a study's folder for this process until the lock is disposed.
 *
 * @throws UserError when it holds another study or anything else, or another process works in it.
 */
export async function openStudyFolder(folder: string, study: Study): Promise<Disposable> {
  await checkStudyFolder(folder, study);
  return await lockFolder(folder);
}

/** Keeps the study. Call it when what the folder keeps has been checked: until then it is of the study that lies there. */
export async function writeStudy(folder: string, study: Study): Promise<void> {
  await writeJson(join(folder, studyFile), await recordedStudy(study), 2);
}

/** The study as its folder keeps it, with files by their names alone. */
export function recordedStudy(study: Study): Promise<Study> {
  return mapSettings(study, withoutFolders);
}

/** Refuses a folder that this study must not use; writes nothing. */
export async function checkStudyFolder(folder: string, { name }: Study): Promise<void> {
  const names = (await namesIn(folder)).filter((name) => !isLeftover(name));
  if (names.length === 0) return;
  const held = await readStudyName(folder);
  if (held === name) return;
  if (held === undefined) {
    throw new UserError(
      `Cannot use folder "${folder}" for a study: expected an empty one or a study's, got other ` +
        `files ("${names[0]}")`,
    );
  }
  throw new UserError(
    `Cannot use folder "${folder}" for study "${name}": it holds study "${held}"; give another ` +
      `folder with --out`,
  );
}

/**
 * The name of the study that a folder holds; undefined where there is none.
 *
 * @throws UserError when its file is no study's.
 */
async function readStudyName(folder: string): Promise<string | undefined> {
  const path = join(folder, studyFile);
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(`Cannot read "${path}": it is not valid JSON`);
  }
  const name = (value as Partial<Study> | null)?.name;
  if (typeof name === "string") return name;
  throw new UserError(`Cannot read "${path}": expected a study, with its name`);
}

/** Refuses a folder in which no study has begun. */
export async function requireStudyFolder(folder: string): Promise<void> {
  if ((await namesIn(folder)).includes(studyFile)) return;
  throw new UserError(`Cannot report on "${folder}": no study has begun there; see --out`);
}

/**
 * What the folder keeps of a run; undefined where it has not been run.
 *
 * @throws UserError naming the file when it is not whole, or the result of other settings, other data or another model.
 */
export async function keptOutcome(
  folder: string,
  run: PlannedRun,
  { data, model }: Fingerprints,
): Promise<StudyRun | FailedRun | undefined> {
  const path = join(folder, resultPath(run));
  const kept = await readOutcome(path);
  if (kept === undefined) return undefined;
  const { cell, method, seed, trial } = run;
  const place = kept.cell === cell && kept.method === method && kept.seed === seed &&
    kept.trial === trial;
  const difference = place
    ? differenceOf(kept.config, recordedConfig(run.config))
    : `another cell, method or seed`;
  const what = difference ??
    (kept.data !== data ? "other data" : kept.model !== model ? "another model" : undefined);
  if (what === undefined) return kept;
  throw new UserError(
    `Cannot use "${path}": it was run with ${what}; change that back, give another folder with ` +
      `--out, or remove the file`,
  );
}

/** Keeps what a run came to. */
export async function writeOutcome(
  folder: string,
  run: PlannedRun,
  outcome: StudyRun | FailedRun,
): Promise<void> {
  await writeJson(join(folder, resultPath(run)), outcome);
}

/** Keeps what the tuning chose. */
export async function writeChoices(folder: string, choices: TuningChoices): Promise<void> {
  await writeJson(join(folder, "tuning", "choices.json"), choices, 2);
}

async function writeJson(path: string, value: unknown, indent?: number): Promise<void> {
  await writeAtomically(path, JSON.stringify(value, null, indent) + "\n");
}
