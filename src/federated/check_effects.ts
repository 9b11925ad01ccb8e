/** Settings that are given and can have no effect. @module */

import { UserError } from "../protocol/errors.ts";
import type { RunConfig } from "./run_config.ts";
import { flagName, settingText } from "./setting_text.ts";
import { type SettingKey, settingKeys, settings } from "./settings.ts";

/** Why a setting has no effect: another one's value, and those with which it would have. */
interface Hindrance {
  readonly key: SettingKey;
  readonly value: RunConfig[SettingKey];
  readonly needed: readonly RunConfig[SettingKey][];
}

/**
 * Refuses settings that were given and can have no effect beside the others. Defaults are not looked at, nor is a record of all settings, as a
 * run's folder keeps it: there nobody asked for them.
 *
 * @param given the settings of a command line and its configuration file
 * @param config the complete settings that they lead to
 * @throws UserError naming the first, and what it contradicts.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { checkEffects } from "./check_effects.ts";
 * import { completeRunConfig } from "./complete_run_config.ts";
 * const given = { temperature: 2 };
 * assert.throws(
 *   () => checkEffects(given, completeRunConfig(given)),
 *   /^UserError: Cannot use --temperature with --selection greedy: it has no effect there, only with --selection sampled$/,
 * );
 * ```
 */
export function checkEffects(given: Partial<RunConfig>, config: RunConfig): void {
  if (settingKeys.every((key) => Object.hasOwn(given, key))) return;
  for (const key of Object.keys(given) as SettingKey[]) {
    const found = hindrance(key, config);
    if (found) throw new UserError(effectText(givenText(key, given[key]), found, flagText));
  }
}

/** What keeps a setting from having an effect; undefined where nothing does. */
export function hindrance(key: SettingKey, config: RunConfig): Hindrance | undefined {
  for (const [other, needed] of Object.entries(settings[key].only ?? {})) {
    const value = config[other as SettingKey];
    if (!(needed as readonly unknown[]).includes(value)) {
      return { key: other as SettingKey, value, needed };
    }
  }
}

/** The error about a setting without effect. `write` says how its source writes a setting with its value. */
export function effectText(
  name: string,
  { key, value, needed }: Hindrance,
  write: (key: SettingKey, value: RunConfig[SettingKey]) => string,
): string {
  // More are as good as a list of what there is.
  const few = needed.length <= 2
    ? `, only with ${needed.map((one) => write(key, one)).join(" or ")}`
    : "";
  return `Cannot use ${name} with ${write(key, value)}: it has no effect there${few}`;
}

/** A flag as it was given: a switch says its value by its name. */
function givenText(key: SettingKey, value: Partial<RunConfig>[SettingKey]): string {
  return typeof value === "boolean" ? flagText(key, value) : flagName(key);
}

function flagText(key: SettingKey, value: RunConfig[SettingKey]): string {
  if (typeof value === "boolean") {
    return value ? flagName(key) : flagName(key).replace("--", "--no-");
  }
  return `${flagName(key)} ${settingText(value)}`;
}
