/**
 * A study with what has been run of it, and how its runs are looked up.
 *
 * @module
 */

import type { Readings } from "./comparison.ts";
import { reading } from "./measures.ts";
import type { FailedRun, StudyRun } from "./result.ts";
import { placeText, type RunPlace } from "./run_place.ts";
import type { RunMetric, Study } from "./study.ts";

/** A study with what has been run of it. */
export interface StudyResults {
  /** The study. */
  readonly study: Study;
  /** Finished runs of the grid. */
  readonly runs: readonly StudyRun[];
  /** Runs of the grid that failed. */
  readonly failed: readonly FailedRun[];
  /** Trials of the tuning, failed ones among them. */
  readonly trials: readonly (StudyRun | FailedRun)[];
}

/** Whether a run failed. */
export function hasFailed(run: StudyRun | FailedRun): run is FailedRun {
  return "failed" in run;
}

/** The cells that the grid runs, in the study's order. */
export function cellsOf({ cells, grid }: Study): string[] {
  const run = new Set(grid.flatMap((part) => part.cells));
  return Object.keys(cells).filter((cell) => run.has(cell));
}

/** The methods that the grid runs in a cell, in the study's order. */
export function methodsOf(study: Study, cell: string): string[] {
  return Object.keys(study.methods).filter((method) => seedsOf(study, cell, method).length > 0);
}

/** The seeds that the grid runs a method with in a cell, ascending. */
export function seedsOf({ grid }: Study, cell: string, method: string): number[] {
  const seeds = grid
    .filter((part) => part.cells.includes(cell) && part.methods.includes(method))
    .flatMap((part) => part.seeds);
  return [...new Set(seeds)].sort((one, other) => one - other);
}

/** All runs of the grid. */
export function placesOf(study: Study): RunPlace[] {
  return cellsOf(study).flatMap((cell) =>
    methodsOf(study, cell).flatMap((method) =>
      seedsOf(study, cell, method).map((seed) => ({ cell, method, seed }))
    )
  );
}

/** The runs of the grid that have neither ended nor failed. */
export function missingRuns({ study, runs, failed }: StudyResults): RunPlace[] {
  const there = new Set([...runs, ...failed].map(placeText));
  return placesOf(study).filter((place) => !there.has(placeText(place)));
}

/** The finished runs of a method in a cell, by seed. */
export function runsOf({ runs }: StudyResults, cell: string, method: string): StudyRun[] {
  return runs.filter((run) => run.cell === cell && run.method === method)
    .sort((one, other) => one.seed - other.seed);
}

/** The failed runs of a method in a cell, by seed. */
export function failuresOf({ failed }: StudyResults, cell: string, method: string): FailedRun[] {
  return failed.filter((run) => run.cell === cell && run.method === method)
    .sort((one, other) => one.seed - other.seed);
}

/**
 * A metric of a method in a cell, of the finished runs that know it.
 *
 * @param targetOf validation accuracy that the run of a seed counts to; default: the cell's target
 */
export function readingsOf(
  results: StudyResults,
  cell: string,
  method: string,
  metric: RunMetric,
  targetOf: (seed: number) => number | undefined = () => results.study.targets[cell],
): Readings {
  return new Map(
    runsOf(results, cell, method).flatMap((run) => {
      const value = reading(run, metric, targetOf(run.seed));
      return value === undefined ? [] : [[run.seed, value] as const];
    }),
  );
}
