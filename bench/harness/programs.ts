/** Commands of the measuring programs. @module */

import type { Command } from "./subject.ts";

/** Arguments by flag; `undefined` leaves a flag out. */
export type Arguments = Readonly<Record<string, string | number | undefined>>;

/** A program of bench/ on this Deno. */
export function denoProgram(path: string, flags: Arguments): Command {
  const file = new URL(`../${path}`, import.meta.url).pathname;
  return {
    program: Deno.execPath(),
    args: ["run", "-A", "--no-lock", "--no-check", file, ...flagList(flags)],
  };
}

/** A Python program of bench/peers. */
export function pythonProgram(
  python: string,
  file: string,
  flags: Arguments,
  env: Readonly<Record<string, string>> = {},
): Command {
  const path = new URL(`../peers/${file}`, import.meta.url).pathname;
  return { program: python, args: [path, ...flagList(flags)], env };
}

function flagList(flags: Arguments): string[] {
  return Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}`, String(value)]
  );
}
