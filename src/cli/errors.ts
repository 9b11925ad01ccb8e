/**
 * How a command ends: a user's mistake is one line and exit code 2, and so is a failure of the disk or
 * the device; anything else is a fault of the program and keeps its stack trace.
 *
 * @module
 */
import type { CommanderError } from "commander";
import { DeviceLostError } from "../engine/device.ts";
import { UserError } from "../protocol/errors.ts";
import { interruptedCode, InterruptedError } from "./interrupt.ts";
import { lostDeviceText } from "./lost_device_text.ts";
import { printable, printableLines } from "./printable.ts";

/** Exit code of a mistake on the command line or in a file the user gave, and of what else the user can mend. */
const userMistake = 2;

/** What ends a command: its exit code and what it prints on stderr ("" for nothing). */
export interface CommandEnd {
  readonly code: number;
  readonly text: string;
}

/**
 * Decides how a command that threw `error` ends.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { commandEnd } from "./errors.ts";
 * import { UserError } from "../protocol/errors.ts";
 * const end = commandEnd(new UserError('Cannot open "posts.jsonl": no such file'));
 * assert.deepEqual(end, { code: 2, text: 'error: Cannot open "posts.jsonl": no such file' });
 * ```
 */
export function commandEnd(error: unknown): CommandEnd {
  if (error instanceof UserError) {
    return { code: userMistake, text: `error: ${oneLine(error.message)}` };
  }
  if (isCommanderError(error)) {
    // --help and --version end by an error too; they have printed what was asked for.
    if (error.exitCode === 0) return { code: 0, text: "" };
    return { code: userMistake, text: `error: ${sentence(error.message.replace(/^error: /, ""))}` };
  }
  if (isSystemError(error)) {
    return { code: userMistake, text: `error: Cannot use the disk: ${oneLine(error.message)}` };
  }
  if (error instanceof DeviceLostError) {
    return { code: userMistake, text: `error: ${oneLine(lostDeviceText(error))}` };
  }
  if (error instanceof InterruptedError) return { code: interruptedCode, text: error.message };
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  return { code: 1, text: printableLines(text) };
}

/** Told by its name, so that commands that do without the package can end here too. */
function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && error.name === "CommanderError";
}

/** A file that cannot be opened, a full disk: what the operating system says, with the path where it is told. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && /\(os error \d+\)/.test(error.message);
}

/** Runs a command's main function and ends the process when it fails. */
export async function runCommand(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const { code, text } = commandEnd(error);
    if (text !== "") console.error(text);
    Deno.exit(code);
  }
}

function sentence(text: string): string {
  const line = oneLine(text);
  return line.charAt(0).toUpperCase() + line.slice(1);
}

/** Messages repeat words of files and servers, which are not to move a terminal's cursor. */
function oneLine(text: string): string {
  return printable(text.replace(/\s*[\r\n]+\s*/g, " ").trim());
}
