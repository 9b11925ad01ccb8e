/**
 * Settings of unknown origin, a command line, a configuration file or a manifest, checked by the table.
 *
 * @module
 */
import { closestNames } from "../protocol/closest_names.ts";
import { UserError } from "../protocol/errors.ts";
import { namedMethods } from "../protocol/method.ts";
import type { RunConfig } from "./run_config.ts";
import type { Kind } from "./setting_kinds.ts";
import { type SettingKey, settingKeys, settings } from "./settings.ts";

/**
 * Checks settings of one source (all flags, or one file) and resolves method aliases.
 *
 * @param raw values by setting name
 * @param nameOf how this source names a setting, for errors
 * @throws UserError for an unknown name or a value that is not allowed
 */
export function readSettings(
  raw: Readonly<Record<string, unknown>>,
  nameOf: (key: string) => string,
): Partial<RunConfig> {
  const checked: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(resolveAlias(raw, nameOf))) {
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

function resolveAlias(
  raw: Readonly<Record<string, unknown>>,
  nameOf: (key: string) => string,
): Readonly<Record<string, unknown>> {
  const name = raw.method;
  if (typeof name !== "string" || !Object.hasOwn(namedMethods, name)) return raw;
  const { distribution, aggregator } = namedMethods[name];
  if (raw.aggregation !== undefined && raw.aggregation !== aggregator) {
    throw new UserError(
      `Cannot use ${nameOf("aggregation")} with method ${name}: expected ${aggregator}, ` +
        `which the name stands for, got ${shown(raw.aggregation)}`,
    );
  }
  return { ...raw, method: distribution, aggregation: aggregator };
}

/** The tail of an error about an unknown name: `: did you mean "rounds"?`, or what else to do. */
export function suggestion(typed: string, names: readonly string[], otherwise: string): string {
  const near = closestNames(typed, names);
  if (near.length === 0) return `: ${otherwise}`;
  return `: did you mean ${near.map((name) => `"${name}"`).join(" or ")}?`;
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
