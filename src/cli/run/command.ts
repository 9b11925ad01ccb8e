/** What a subcommand of `deno task run` is. @module */

/** Writes one line to standard output. */
export type Print = (line: string) => void;

/** A subcommand. */
export interface RunCommand {
  /** One line of help. */
  readonly summary: string;
  /** Runs it with the words after its name. */
  run(args: readonly string[], print: Print): Promise<void>;
}
