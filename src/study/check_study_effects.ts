/** Entries of a study's file that can have no effect. @module */

import { effectText, hindrance } from "../federated/check_effects.ts";
import { settingText } from "../federated/setting_text.ts";
import type { SettingKey } from "../federated/settings.ts";
import { UserError } from "../protocol/errors.ts";
import type { PlannedRun } from "./grid.ts";
import type { Study, StudySettings } from "./study.ts";

/**
 * Refuses settings that have no effect in any of the runs that they go into. One that has an effect in some of them stands where it should: the
 * settings of a cell go into the runs of all methods.
 *
 * @param runs all that the study plans, its trials among them
 * @throws UserError naming the entry, and what it contradicts.
 */
export function checkStudyEffects(study: Study, runs: readonly PlannedRun[]): void {
  for (const [level, settings, applies] of levelsOf(study)) {
    const touched = runs.filter(applies);
    for (const key of Object.keys(settings) as SettingKey[]) {
      const found = touched.map(({ config }) => hindrance(key, config));
      if (touched.length === 0 || found.includes(undefined)) continue;
      const write = (other: SettingKey, value: Parameters<typeof settingText>[0]) =>
        `${other} ${settingText(value)}`;
      throw new UserError(effectText(`${level}.${key}`, found[0]!, write));
    }
  }
}

/** The levels at which settings stand, and which runs each goes into. */
function* levelsOf(
  { settings, cells, methods, tuning }: Study,
): Generator<[level: string, settings: StudySettings, applies: (run: PlannedRun) => boolean]> {
  yield ["settings", settings, () => true];
  for (const [name, given] of Object.entries(cells)) {
    yield [`cells.${name}`, given, ({ cell }) => cell === name];
  }
  for (const [name, given] of Object.entries(methods)) {
    yield [`methods.${name}`, given, ({ method }) => method === name];
  }
  if (tuning === undefined) return;
  yield ["tuning.settings", tuning.settings, ({ trial }) => trial !== undefined];
  for (const [at, given] of tuning.trials.entries()) {
    yield [`tuning.trials[${at}]`, given, ({ trial }) => trial === at];
  }
}
