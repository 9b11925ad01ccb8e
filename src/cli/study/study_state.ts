/** How far a study is: its runs beside what its folder keeps of them. @module */

import { checkStudyEffects } from "../../study/check_study_effects.ts";
import { checkTestRows } from "../../study/check_test_rows.ts";
import {
  gridMethods,
  planGrid,
  type PlannedRun,
  planTuning,
  type RunSurroundings,
} from "../../study/grid.ts";
import type { FailedRun, StudyRun } from "../../study/result.ts";
import type { Study } from "../../study/study.ts";
import { cellsOf } from "../../study/study_results.ts";
import { chooseTrials, chosenSettings, type TuningChoices } from "../../study/tuning.ts";
import type { fingerprinter } from "./fingerprints.ts";
import { type Fingerprints, keptOutcome } from "./folder.ts";

/** A run, and what has become of it. */
export interface RunState {
  readonly run: PlannedRun;
  readonly fingerprints: Fingerprints;
  /** Its result; undefined where it is to be run. */
  readonly kept: StudyRun | FailedRun | undefined;
}

/** How far a study is. */
export interface StudyState {
  /** The runs of the tuning. */
  readonly trials: readonly RunState[];
  /** What the tuning has chosen so far; undefined in a study without one. */
  readonly choices: TuningChoices | undefined;
  /** The runs of the grid, but those of methods none of whose trials finished. */
  readonly grid: readonly RunState[];
}

/**
 * Checks every run that a study can come to, whatever its tuning will choose.
 *
 * @throws UserError naming the run that cannot be.
 */
export function checkRuns(study: Study, surroundings: RunSurroundings): void {
  const trials = planTuning(study, surroundings);
  const runs = (study.tuning?.trials ?? [{}]).flatMap((settings) => {
    const tuned = Object.keys(study.methods).map((method) => [method, settings] as const);
    return planGrid(study, surroundings, Object.fromEntries(tuned));
  });
  checkUnused(study, surroundings);
  checkStudyEffects(study, [...trials, ...runs]);
  checkTestRows(study, runs);
}

/** Methods that no part of the grid runs yet have to go with some cell: they are in the file to be run. */
function checkUnused(study: Study, surroundings: RunSurroundings): void {
  const used = gridMethods(study);
  const cells = cellsOf(study);
  for (const method of Object.keys(study.methods).filter((name) => !used.includes(name))) {
    const mistakes = cells.map((cell) => {
      const { seeds } = study.grid.find((part) => part.cells.includes(cell))!;
      const part = { cells: [cell], methods: [method], seeds: [seeds[0]] };
      try {
        planGrid({ ...study, grid: [part] }, surroundings);
        return undefined;
      } catch (error) {
        return error;
      }
    });
    if (!mistakes.includes(undefined)) throw mistakes[0];
  }
}

/**
 * Reads what a folder keeps of a study.
 *
 * @throws UserError naming a result that is not whole, or not of what the study says now.
 */
export async function readState(
  study: Study,
  folder: string,
  surroundings: RunSurroundings,
  fingerprintsOf: ReturnType<typeof fingerprinter>,
): Promise<StudyState> {
  const read = async (run: PlannedRun): Promise<RunState> => {
    const fingerprints = await fingerprintsOf(run.config);
    return { run, fingerprints, kept: await keptOutcome(folder, run, fingerprints) };
  };
  const trials: RunState[] = [];
  for (const run of planTuning(study, surroundings)) trials.push(await read(run));
  const choices = chooseTrials(study, trials.flatMap(({ kept }) => kept ?? []));
  const tuned = choices ? chosenSettings(choices) : {};
  const grid: RunState[] = [];
  for (const run of planGrid(study, surroundings, tuned)) {
    if (choices?.methods[run.method]?.chosen === null) continue;
    const settled = choices === undefined || Object.hasOwn(tuned, run.method);
    grid.push(
      // The settings of a method whose trials have not all ended are not known yet, and nothing can be a result of theirs.
      settled
        ? await read(run)
        : { run, fingerprints: await fingerprintsOf(run.config), kept: undefined },
    );
  }
  return { trials, choices, grid };
}

/** The runs that are to be made. */
export function toDo(states: readonly RunState[]): RunState[] {
  return states.filter(({ kept }) => kept === undefined);
}
