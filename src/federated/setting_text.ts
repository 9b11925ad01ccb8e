/** Settings as people write and read them. @module */

import type { RunConfig } from "./run_config.ts";

/** A setting's key as its flag: "seqLen" gives "--seq-len". */
export function flagName(key: string): string {
  return `--${kebabName(key)}`;
}

/** A setting's value as it is written on the command line; "none" when it is not set. */
export function settingText(value: RunConfig[keyof RunConfig] | undefined): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "object") return value.length === 0 ? "none" : value.join(",");
  return String(value);
}

/** Settings with their values as tables and sentences have them: "seq-len 64, lr 0.01". */
export function settingsText(
  settings: Iterable<readonly [key: string, value: RunConfig[keyof RunConfig] | undefined]>,
  separator = ", ",
): string {
  return [...settings].map(([key, value]) => `${kebabName(key)} ${settingText(value)}`)
    .join(separator);
}

function kebabName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
