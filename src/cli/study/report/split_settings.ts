import { hindrance } from "../../../federated/check_effects.ts";
import type { RunConfig } from "../../../federated/run_config.ts";
import { settingText } from "../../../federated/setting_text.ts";
import { settingKeys } from "../../../federated/settings.ts";
import { recordedSetting } from "../../../study/recorded_setting.ts";
import type { StudyRun } from "../../../study/result.ts";

/** A setting and its value; undefined in runs that lack it. */
export type SettingEntry = readonly [
  key: keyof RunConfig,
  value: RunConfig[keyof RunConfig] | undefined,
];

/** Settings of a study's runs, by what they depend on. */
export interface SplitSettings {
  /** What all runs share. */
  readonly common: readonly SettingEntry[];
  /** By cell: what all runs of a cell share, but not all cells. */
  readonly ofCells: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** By method: the rest, but for the seed. Values that differ by cell stand beside each other. */
  readonly ofMethods: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Sorts the settings of runs by what they depend on, so that each is said once. */
export function splitSettings(recorded: readonly StudyRun[]): SplitSettings {
  const runs = recorded.map((run) => ({ ...run, config: wholeConfig(run) }));
  const keys = [...new Set(recorded.flatMap(({ config }) => Object.keys(config)))]
    .filter((key) => key !== "seed") as (keyof RunConfig)[];
  const common: SettingEntry[] = [];
  const cellKeys: (keyof RunConfig)[] = [];
  const methodKeys: (keyof RunConfig)[] = [];
  const byCell = Map.groupBy(runs, ({ cell }) => cell);
  for (const key of keys) {
    const value = ({ config }: StudyRun): string => JSON.stringify(config[key]) ?? "";
    const same = (some: readonly StudyRun[]): boolean => new Set(some.map(value)).size === 1;
    if (same(runs)) common.push([key, runs[0].config[key]]);
    else if ([...byCell.values()].every(same)) cellKeys.push(key);
    else methodKeys.push(key);
  }
  const byMethod = Map.groupBy(runs, ({ method }) => method);
  return {
    common,
    ofCells: valuesOf(byCell, cellKeys),
    ofMethods: valuesOf(byMethod, methodKeys),
  };
}

/** A setting that has no effect beside a run's others is not told of it. */
function valuesOf(
  groups: ReadonlyMap<string, readonly StudyRun[]>,
  keys: readonly (keyof RunConfig)[],
): Map<string, Map<string, string>> {
  const textOf = (key: keyof RunConfig, runs: readonly StudyRun[]): string =>
    [...new Set(runs.map(({ config }) => settingText(config[key])))].join(" or ");
  return new Map([...groups].map(([name, runs]) => [
    name,
    new Map(keys.flatMap((key) => {
      const told = runs.filter(({ config }) => !hindrance(key, config as RunConfig));
      return told.length === 0 ? [] : [[key, textOf(key, told)] as const];
    })),
  ]));
}

/** All settings of a run: those that are newer than its result as they were before. */
function wholeConfig({ config }: StudyRun): Partial<RunConfig> {
  return Object.fromEntries(settingKeys.map((key) => [key, recordedSetting(config, key)]));
}
