/** What a generation shows: its text as it comes, or one JSON object at the end. @module */

import { printable } from "../printable.ts";
import { counted, countText, durationText } from "../units.ts";

/** Where output goes. */
export interface TextOutput {
  /** A piece of the text, or all of the JSON. */
  write(text: string): void;
  /** A line beside it. */
  note(line: string): void;
  /** Whether people read it on a terminal, which obeys control characters. */
  readonly terminal: boolean;
}

/** This process's own: text to stdout, lines beside it to stderr. */
export function standardOutput(): TextOutput {
  const encoder = new TextEncoder();
  return {
    write(text) {
      try {
        const bytes = encoder.encode(text);
        for (let done = 0; done < bytes.length;) {
          done += Deno.stdout.writeSync(bytes.subarray(done));
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
        // Whoever read has what they wanted, as `head` has.
        Deno.exit();
      }
    },
    note: (line) => console.error(line),
    terminal: Deno.stdout.isTerminal(),
  };
}

/** A generation that is over. */
export interface GeneratedText {
  readonly prompt: string;
  readonly promptTokens: number;
  readonly text: string;
  /** Ids of the generated tokens. */
  readonly tokens: readonly number[];
  /** What ended it. */
  readonly end: "end token" | "max tokens";
  /** Seconds from the prompt to the first token, and from there to the end. */
  readonly firstSeconds: number;
  readonly furtherSeconds: number;
  readonly device: string;
}

/** Receives a generation. */
export interface TextReporter {
  piece(text: string): void;
  /** The text ends, whole or interrupted. */
  close(): void;
  end(generated: GeneratedText): void;
}

/** The reporter of an output format. */
export function textReporter(format: "text" | "json", output: TextOutput): TextReporter {
  if (format === "json") {
    return {
      piece() {},
      close() {},
      end: (generated) => {
        const tokensPerSecond = speedOf(generated);
        output.write(
          `${JSON.stringify({ ...generated, tokensPerSecond: tokensPerSecond ?? null })}\n`,
        );
      },
    };
  }
  return {
    piece: (text) =>
      // Line ends and tabs are text.
      output.write(output.terminal ? text.replace(/[^\n\t]+/g, printable) : text),
    close: () => output.write("\n"),
    end: (generated) => output.note(speedText(generated)),
  };
}

/** Tokens a second after the first; undefined where there was no second one. */
export function speedOf(
  { tokens, furtherSeconds }: Pick<GeneratedText, "tokens" | "furtherSeconds">,
): number | undefined {
  return tokens.length < 2 ? undefined : (tokens.length - 1) / furtherSeconds;
}

function soonText(seconds: number): string {
  return seconds < 1 ? `${Math.round(1000 * seconds)} ms` : durationText(seconds);
}

/** "120 tokens, the first after 0.1 s, then 2,431 tokens/s, on …". */
function speedText(generated: GeneratedText): string {
  const { tokens, end, firstSeconds, device } = generated;
  const speed = speedOf(generated);
  const parts = [
    counted(tokens.length, "token"),
    ...(end === "end token" ? ["ended by the model"] : []),
    ...(tokens.length > 0 ? [`the first after ${soonText(firstSeconds)}`] : []),
    ...(speed === undefined ? [] : [`then ${countText(speed)} tokens/s`]),
    device,
  ];
  return parts.join(", ");
}
