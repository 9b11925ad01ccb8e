/** Commands of the measuring programs. @module */

import { fileURLToPath } from "node:url";
import type { Command } from "./subject.ts";

/** Arguments by flag; `undefined` leaves a flag out. */
export type Arguments = Readonly<Record<string, string | number | undefined>>;

/** A program of bench/ on this Deno. */
export function denoProgram(path: string, flags: Arguments): Command {
  const file = fileOf(path);
  return {
    program: Deno.execPath(),
    args: ["run", "-A", "--no-lock", "--no-check", file, ...flagList(flags)],
  };
}

/** Runs a program of bench/ in a process of its own: the line of JSON that it prints. Where it fails, this process ends as it did. */
export async function runProgram<Printed>(
  path: string,
  flags: readonly string[],
): Promise<Printed> {
  const file = fileOf(path);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "-A", file, ...flags],
    stderr: "inherit",
  }).output();
  if (code !== 0) Deno.exit(code);
  return JSON.parse(new TextDecoder().decode(stdout));
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

/** A program of bench/ by its path there. */
function fileOf(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

function flagList(flags: Arguments): string[] {
  return Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}`, String(value)]
  );
}
