/** Seeing to the texts of a study's runs before the runs begin: mistakes come to light, and their tokens are cached for all workers. @module */

import type { RunConfig } from "../../federated/run_config.ts";
import { UserError } from "../../protocol/errors.ts";
import type { PlannedRun } from "../../study/grid.ts";
import { runName } from "../../study/run_place.ts";
import { dataKeys, dealKeys } from "../sources.ts";
import { prepareRun } from "../prepare_run.ts";
import { keepSources } from "./run_once.ts";

/** Settings that decide which texts a run deals and tokenizes, how, and to whom. */
const keys = [
  ...dataKeys,
  ...dealKeys,
  "model",
  "revision",
  "buckets",
  "evalTest",
] as const satisfies readonly (keyof RunConfig)[];

/**
 * Prepares one run of each kind that differs in its texts.
 *
 * @param everySeed whether another seed is another kind; where the data are divided by the seed, their tokens may be others
 * @param onProgress told how many are prepared; may throw to end it
 * @returns how many kinds there are
 * @throws UserError naming the run that cannot be prepared.
 */
export async function prepareSources(
  runs: readonly PlannedRun[],
  everySeed: boolean,
  note: (text: string) => void,
  onProgress: (done: number, total: number) => void,
): Promise<number> {
  const kinds = new Map<string, PlannedRun>();
  for (const run of runs) {
    const parts = keys.map((key) => key === "seed" && !everySeed ? undefined : run.config[key]);
    const kind = JSON.stringify(parts);
    if (!kinds.has(kind)) kinds.set(kind, run);
  }
  const sources = keepSources();
  let done = 0;
  for (const run of kinds.values()) {
    const tell = () => onProgress(done, kinds.size);
    tell();
    try {
      await prepareRun(run.config, await sources(run.config), note, tell);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`Cannot run ${runName(run)}: ${error.message}`, { cause: error });
    }
    done++;
  }
  return done;
}
