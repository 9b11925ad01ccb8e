/** Rows of the table of settings. @module */

import type { RunConfig } from "../run_config.ts";
import { type Kind, number, whole } from "../setting_kinds.ts";

/** Values that other settings must have; any of those listed. */
export type Conditions = { readonly [Key in keyof RunConfig]?: readonly RunConfig[Key][] };

/** One row: what a setting accepts, and what it is. */
export interface SettingRow<T> {
  readonly kind: Kind<T>;
  /** One line of help; the default follows it unless the line says what happens without the setting. */
  readonly help: string;
  /** Where alone the setting has an effect; everywhere when left out. */
  readonly only?: Conditions;
}

/** A row for each key. */
export type SettingRows<Config> = {
  readonly [Key in keyof Config]: SettingRow<Config[Key]>;
};

/** A count of at least 1. */
export const count: Kind<number> = whole({ least: 1 });

/** A share or probability below 1. */
export const share: Kind<number> = number({ least: 0, below: 1 });

/** A number above 0. */
export const positive: Kind<number> = number({ above: 0 });
