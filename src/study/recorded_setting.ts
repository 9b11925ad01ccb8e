import { defaultConfig, type RunConfig } from "../federated/run_config.ts";
import { laterSettings } from "../federated/later_settings.ts";
import { usualServerLr } from "../federated/settings/method.ts";
import type { StudySettings } from "./study.ts";

/** A setting of a kept result. One that it lacks, because the setting is newer than the result, had what it was before, or else what is the default now. */
export function recordedSetting<Key extends keyof RunConfig>(
  kept: StudySettings,
  key: Key,
): StudySettings[Key] {
  if (Object.hasOwn(kept, key)) return kept[key];
  const { serverOptimizer = defaultConfig.serverOptimizer } = kept;
  const defaults: StudySettings = {
    ...defaultConfig,
    ...laterSettings,
    serverLr: usualServerLr[serverOptimizer],
  };
  return defaults[key];
}
