/** Settings as a study's results keep them, and how they differ from what the study says now. @module */

import { basename } from "node:path";
import type { RunConfig } from "../../federated/run_config.ts";
import { settingText } from "../../federated/setting_text.ts";
import { outsideSettings } from "../../study/read_study.ts";
import { recordedSetting } from "../../study/recorded_setting.ts";
import type { StudySettings } from "../../study/study.ts";
import { isHubId } from "../sources.ts";

/** Files by their names alone: results are shared, and folders are private. */
export function withoutFolders(settings: StudySettings): StudySettings {
  const { data, model, labels } = settings;
  return {
    ...settings,
    ...(typeof data === "string" && { data: basename(data) }),
    ...(typeof labels === "string" && { labels: basename(labels) }),
    ...(typeof model === "string" && { model: isHubId(model) ? model : basename(model) }),
  };
}

/** All settings of a run but those that say how and where it is run. */
export function recordedConfig(config: RunConfig): StudySettings {
  const kept: Partial<Record<keyof RunConfig, unknown>> = withoutFolders(config);
  for (const key of outsideSettings) if (key !== "seed") delete kept[key];
  return kept as StudySettings;
}

/** The first setting that differs, as "rounds 40, now 60"; undefined where none does. */
export function differenceOf(kept: StudySettings, now: StudySettings): string | undefined {
  const keys = new Set([...Object.keys(now), ...Object.keys(kept)] as (keyof RunConfig)[]);
  for (const key of keys) {
    const before = recordedSetting(kept, key);
    if (JSON.stringify(before) === JSON.stringify(now[key])) continue;
    return `${key} ${settingText(before)}, now ${settingText(now[key])}`;
  }
  return undefined;
}
