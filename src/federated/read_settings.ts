/**
 * Settings of unknown origin, a command line, a configuration file or a manifest, checked by the table.
 *
 * @module
 */
import { closestNames } from "../protocol/closest_names.ts";
import { UserError } from "../protocol/errors.ts";
import { methodNamed } from "../protocol/methods/mod.ts";
import { shown } from "../protocol/shown.ts";
import type { RunConfig } from "./run_config.ts";
import type { Kind } from "./setting_kinds.ts";
import { type SettingKey, settingKeys, settings } from "./settings.ts";

/**
 * Checks settings of one source (all flags, or one file) and puts for a method's name what it stands for.
 *
 * @param raw values by setting name
 * @param nameOf how this source names a setting, for errors
 * @throws UserError for an unknown name, a value that is not allowed, or one that contradicts the method's name
 */
export function readSettings(
  raw: Readonly<Record<string, unknown>>,
  nameOf: (key: string) => string,
): Partial<RunConfig> {
  const checked: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(resolveMethod(raw, nameOf))) {
    if (!Object.hasOwn(settings, key)) {
      const otherwise = "no setting has such a name (see --help)";
      throw new UserError(
        `Unknown setting ${nameOf(key)}${suggestion(key, settingKeys, otherwise)}`,
      );
    }
    checked[key] = accept<unknown>(settings[key as SettingKey].kind, value, nameOf(key));
  }
  return checked as Partial<RunConfig>;
}

/**
 * A value of unknown origin that has to be of a kind.
 *
 * @param name how its source names it
 * @throws UserError when it is not allowed
 */
export function accept<T>(kind: Kind<T>, value: unknown, name: string): T {
  const accepted = kind.check(value);
  if (accepted !== undefined) return accepted;
  throw new UserError(
    `Cannot use ${name}: expected ${kind.expected}, got ${shown(value)}${kind.hint(value)}`,
  );
}

function resolveMethod(
  raw: Readonly<Record<string, unknown>>,
  nameOf: (key: string) => string,
): Readonly<Record<string, unknown>> {
  const named = methodNamed(raw.method);
  if (named === undefined) return raw;
  const { name, settings: { method, ...others } } = named;
  for (const [key, value] of Object.entries(others)) {
    if (raw[key] === undefined || raw[key] === value) continue;
    throw new UserError(
      `Cannot use ${nameOf(key)} with method ${name}: expected ${value}, ` +
        `which the name stands for, got ${shown(raw[key])}`,
    );
  }
  return { ...raw, ...others, method };
}

/** The tail of an error about an unknown name: `: did you mean "rounds"?`, or what else to do. */
export function suggestion(typed: string, names: readonly string[], otherwise: string): string {
  const near = closestNames(typed, names);
  if (near.length === 0) return `: ${otherwise}`;
  return `: did you mean ${near.map((name) => `"${name}"`).join(" or ")}?`;
}
