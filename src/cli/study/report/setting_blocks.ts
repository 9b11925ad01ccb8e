import { completeRunConfig } from "../../../federated/complete_run_config.ts";
import { defaultConfig } from "../../../federated/run_config.ts";
import { settingsText } from "../../../federated/setting_text.ts";
import type { StudySettings } from "../../../study/study.ts";
import { cellsOf, type StudyResults } from "../../../study/study_results.ts";
import type { Block, Table } from "./document.ts";
import { nothing } from "./number_text.ts";
import { type SettingEntry, splitSettings } from "./split_settings.ts";

/** All settings of all runs, each said once. */
export function settingBlocks({ study, runs }: StudyResults): Block[] {
  const { common, ofCells, ofMethods } = splitSettings(runs);
  const defaults = defaultsBeside(runs[0].config);
  const isDefault = ([key, value]: SettingEntry): boolean =>
    JSON.stringify(defaults[key]) === JSON.stringify(value);
  const own = common.filter((entry) => !isDefault(entry));
  const rest = common.filter(isDefault);
  return [
    {
      kind: "prose",
      title: "Settings of all runs",
      paragraphs: [
        ...(own.length > 0 ? [`Other than the defaults: ${settingsText(own, "; ")}.`] : []),
        ...(rest.length > 0 ? [`As by default: ${settingsText(rest, "; ")}.`] : []),
      ],
    },
    ...settingTable("Settings of the cells", "Cell", cellsOf(study), ofCells, new Map()),
    ...settingTable(
      "Settings of the methods",
      "Method",
      Object.keys(study.methods),
      ofMethods,
      usualValues([...ofMethods.values()]),
    ),
  ];
}

/** The defaults where those that follow from other settings follow from these. */
function defaultsBeside(config: StudySettings): StudySettings {
  const { seqLen, ranks, serverOptimizer } = { ...defaultConfig, ...config };
  const { buckets, rank, serverLr } = completeRunConfig(
    { seqLen, ranks, clients: ranks.length, serverOptimizer },
    { threads: 1, now: new Date(0) },
  );
  return { ...defaultConfig, buckets, rank, serverLr };
}

/** What is usual is said once, and each row tells the rest; nothing where there is nothing to tell. */
function settingTable(
  title: string,
  first: string,
  names: readonly string[],
  settings: ReadonlyMap<string, ReadonlyMap<string, string>>,
  usual: ReadonlyMap<string, string>,
): Table[] {
  const there = names.filter((name) => settings.has(name));
  if (there.every((name) => settings.get(name)!.size === 0)) return [];
  return [{
    kind: "table",
    title,
    ...(usual.size > 0 &&
      {
        about: `Unless a row says otherwise, where it has an effect: ${settingsText(usual, "; ")}.`,
      }),
    texts: 2,
    wordy: true,
    head: [first, "Settings"],
    rows: there.map((name) => ({
      cells: [
        name,
        settingsText(
          [...settings.get(name)!].filter(([key, value]) => usual.get(key) !== value),
          "; ",
        ) || nothing,
      ],
    })),
  }];
}

/** The values that more than half of the rows have. */
function usualValues(rows: readonly ReadonlyMap<string, string>[]): Map<string, string> {
  const usual = new Map<string, string>();
  for (const key of new Set(rows.flatMap((row) => [...row.keys()]))) {
    for (const [value, having] of Map.groupBy(rows, (row) => row.get(key))) {
      if (value !== undefined && having.length > rows.length / 2) usual.set(key, value);
    }
  }
  return usual;
}
