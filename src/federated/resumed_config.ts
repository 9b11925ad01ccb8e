/** The settings with which a saved run continues. @module */

import { countOf } from "../protocol/count_of.ts";
import { UserError } from "../protocol/errors.ts";
import type { RunConfig } from "./run_config.ts";
import { flagName, settingText } from "./setting_text.ts";

/** Settings that a resumed run may change; all others are what the run is, and stay. */
const changeableOnResume: ReadonlySet<keyof RunConfig> = new Set([
  "rounds", // unless the schedule spans them, see checkRounds
  "device", // another device continues the same run, but not to the same last bit
  "threads", // results do not depend on it
  "recompute", // nor on this
  "evalTest",
  "adapterLayout",
  "format",
  "offline",
  "cacheDir",
]);

/**
 * The settings with which a saved run continues: the saved ones, and of the given ones those that may change.
 *
 * @param saved the settings in the run's run.json
 * @param given the settings of the command that resumes it, `resume` among them
 * @throws UserError when `given` changes a setting that makes the run what it is.
 */
export function resumedConfig(saved: RunConfig, given: Partial<RunConfig>): RunConfig {
  for (const key of Object.keys(given) as (keyof RunConfig)[]) {
    if (key === "resume" || changeableOnResume.has(key)) continue;
    if (key === "overwrite" && given.overwrite) {
      throw new UserError(
        "Cannot use --overwrite with --resume: a run is either continued or replaced",
      );
    }
    const inPlace = key === "out" ? given.resume : saved[key];
    if (JSON.stringify(given[key]) === JSON.stringify(inPlace)) continue;
    throw new UserError(
      `Cannot change ${flagName(key)} on --resume: the run was started with ` +
        `${settingText(inPlace)}, got ${settingText(given[key])}`,
    );
  }
  checkRounds(saved, given);
  return { ...saved, ...given, out: given.resume ?? saved.out };
}

function checkRounds({ schedule, rounds }: RunConfig, given: Partial<RunConfig>): void {
  if (schedule === "constant" || given.rounds === undefined || given.rounds === rounds) return;
  throw new UserError(
    `Cannot change --rounds on --resume: the ${schedule} schedule spans ${
      countOf(rounds, "round")
    }, got ${given.rounds}; start a run with --schedule constant to be able to continue it for more`,
  );
}
