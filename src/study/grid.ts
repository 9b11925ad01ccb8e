/** The runs of a study, each with its settings and the place of its result. @module */

import { completeRunConfig } from "../federated/complete_run_config.ts";
import type { RunConfig } from "../federated/run_config.ts";
import { UserError } from "../protocol/errors.ts";
import { resultPath, runName, type RunPlace } from "./run_place.ts";
import type { Study, StudySettings } from "./study.ts";

/** How and where runs are run, which does not change their results. */
export type RunSurroundings = Pick<RunConfig, "device" | "threads" | "offline" | "cacheDir">;

/** A run that a study asks for. */
export interface PlannedRun extends RunPlace {
  /** Complete settings. */
  readonly config: RunConfig;
}

/**
 * The trials of a study's tuning: every method of the grid with the settings of each trial, trial by trial. None without a tuning.
 *
 * @throws UserError when the settings of one contradict each other.
 */
export function planTuning(study: Study, surroundings: RunSurroundings): PlannedRun[] {
  const { tuning } = study;
  if (tuning === undefined) return [];
  const { cell, seed, settings, trials } = tuning;
  return trials.flatMap((given, trial) =>
    gridMethods(study).map((method) =>
      planRun(study, surroundings, {
        cell,
        method,
        seed,
        trial,
        // The test rows are for the grid's runs: what is chosen must not have seen them.
        settings: { ...settings, ...given, evalTest: false },
      })
    )
  );
}

/**
 * The runs of a study's grid, those of the first seed first, so that comparisons are complete when a study is stopped. A run that two parts of the grid
 * name is made once.
 *
 * @param tuned settings that the tuning chose, by method
 *
 * @throws UserError when the settings of one contradict each other, or a method cannot serve the clients.
 */
export function planGrid(
  study: Study,
  surroundings: RunSurroundings,
  tuned: Readonly<Record<string, StudySettings>> = {},
): PlannedRun[] {
  const runs = new Map<string, PlannedRun>();
  const seeds = new Set(study.grid.flatMap(({ seeds }) => seeds));
  for (const seed of seeds) {
    for (const part of study.grid) {
      if (!part.seeds.includes(seed)) continue;
      for (const cell of part.cells) {
        for (const method of part.methods) {
          const place = { cell, method, seed };
          const path = resultPath(place);
          if (runs.has(path)) continue;
          const settings = tuned[method] ?? {};
          runs.set(path, planRun(study, surroundings, { ...place, settings }));
        }
      }
    }
  }
  return [...runs.values()];
}

/** Methods that the grid runs, in the order of the study's list. */
export function gridMethods({ methods, grid }: Study): string[] {
  const run = new Set(grid.flatMap((part) => part.methods));
  return Object.keys(methods).filter((method) => run.has(method));
}

function planRun(
  study: Study,
  { device, threads, offline, cacheDir }: RunSurroundings,
  { settings, ...place }: Omit<PlannedRun, "config"> & { readonly settings: StudySettings },
): PlannedRun {
  const { cell, method, seed } = place;
  try {
    const config = completeRunConfig({
      ...study.settings,
      ...study.cells[cell],
      ...study.methods[method],
      ...settings,
      device,
      threads,
      offline,
      cacheDir,
      seed,
      out: resultPath(place),
    });
    return { ...place, config };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`Cannot run ${runName(place)}: ${error.message}`, { cause: error });
  }
}
