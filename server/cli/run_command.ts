import { CommanderError } from "commander";
import { UserError } from "../../src/protocol/errors.ts";

/** Exit code of a mistake on the command line or in a file that was named. */
const userMistake = 2;

/** Runs the command; a mistake of the user ends it by one line and exit code 2, a fault of the program by its stack. */
export async function runCommand(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const { code, text } = commandEnd(error);
    if (text !== "") console.error(text);
    Deno.exit(code);
  }
}

/** The exit code that an error stands for, and what to print. */
export function commandEnd(error: unknown): { readonly code: number; readonly text: string } {
  if (error instanceof UserError) return { code: userMistake, text: `error: ${line(error)}` };
  if (error instanceof CommanderError) {
    // --help and --version end by an error too; they have printed what was asked for.
    if (error.exitCode === 0) return { code: 0, text: "" };
    const text = line(error).replace(/^error: /, "");
    return { code: userMistake, text: `error: ${text[0].toUpperCase()}${text.slice(1)}` };
  }
  return { code: 1, text: error instanceof Error ? error.stack ?? error.message : String(error) };
}

function line({ message }: Error): string {
  return message.replace(/\s*[\r\n]+\s*/g, " ").trim();
}
