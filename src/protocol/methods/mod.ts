/**
 * Methods by name. One method a file; this is their registry. docs/methods.md says what each is and how to add one.
 *
 * @module
 */

import { centralised } from "./centralised.ts";
import { fedit } from "./fedit.ts";
import { ffa } from "./ffa.ts";
import { flexlora } from "./flexlora.ts";
import { flora } from "./flora.ts";
import { head } from "./head.ts";
import { hetlora } from "./hetlora.ts";
import { ifalora } from "./ifalora.ts";
import { ifzlora } from "./ifzlora.ts";
import { italora } from "./italora.ts";
import { itzlora } from "./itzlora.ts";
import { local } from "./local.ts";
import type { NamedMethod } from "./named_method.ts";
import { random } from "./random.ts";
import { rootLr } from "./root_lr.ts";
import { sampled } from "./sampled.ts";
import { zeroDelta } from "./zero_delta.ts";

export type { MethodSettings, NamedMethod } from "./named_method.ts";

/** The methods, in the order users see them. */
export const namedMethods: readonly NamedMethod[] = [
  ifalora,
  ifzlora,
  italora,
  itzlora,
  zeroDelta,
  random,
  sampled,
  rootLr,
  hetlora,
  flexlora,
  flora,
  fedit,
  ffa,
  head,
  local,
  centralised,
];

/** The method of a name. */
export function methodNamed(name: unknown): NamedMethod | undefined {
  return namedMethods.find((method) => method.name === name);
}

/** The method that settings are: of those whose settings are all among them, the one that says most. */
export function methodOf(settings: object): NamedMethod | undefined {
  const given: Readonly<Record<string, unknown>> = { ...settings };
  return namedMethods
    .filter((method) => entriesOf(method).every(([key, value]) => given[key] === value))
    .sort((one, other) => entriesOf(other).length - entriesOf(one).length)[0];
}

function entriesOf({ settings }: NamedMethod): [string, unknown][] {
  return Object.entries(settings);
}
