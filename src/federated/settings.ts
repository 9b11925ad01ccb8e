/**
 * The table of settings: one row for each key of RunConfig, from which the flags, the configuration file and the checks of both are made.
 *
 * @module
 */
import type { RunConfig } from "./run_config.ts";
import { dataRows } from "./settings/data.ts";
import { executionRows } from "./settings/execution.ts";
import { federationRows } from "./settings/federation.ts";
import { methodRows } from "./settings/method.ts";
import { modelRows } from "./settings/model.ts";
import { optimisationRows } from "./settings/optimisation.ts";
import type { SettingRows } from "./settings/rows.ts";

/** A setting's name in flags (kebab-case) and files (camelCase). */
export type SettingKey = keyof RunConfig;

/** The table. */
export const settings: SettingRows<RunConfig> = {
  ...modelRows,
  ...dataRows,
  ...federationRows,
  ...methodRows,
  ...optimisationRows,
  ...executionRows,
};

/** The keys of the table, in its order. */
export const settingKeys: readonly SettingKey[] = Object.keys(settings) as SettingKey[];

/** A heading of the help text, and the settings under it. */
export interface Topic {
  readonly name: string;
  readonly keys: readonly SettingKey[];
}

/** The topics of the table, in its order. */
export const topics: readonly Topic[] = [
  topic("Model", modelRows),
  topic("Data", dataRows),
  topic("Federation", federationRows),
  topic("Method", methodRows),
  topic("Optimisation", optimisationRows),
  topic("Run", executionRows),
];

function topic(name: string, rows: Partial<SettingRows<RunConfig>>): Topic {
  return { name, keys: Object.keys(rows) as SettingKey[] };
}
