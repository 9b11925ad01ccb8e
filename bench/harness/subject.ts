/** A measuring program that runs in a process of its own and repeats its work when told to. @module */

import { readPeakMemory } from "./machine.ts";
import type { Facts, Repetition } from "./repetitions.ts";

/** How a program is started. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that is warmed up. */
export interface Subject {
  readonly facts: Facts;
  /** Measures once more. */
  repeat(): Promise<Repetition>;
  /** Bytes of its largest resident set so far; undefined where the system does not tell. */
  peakMemory(): Promise<number | undefined>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** A program ended before it could be measured. */
export class SubjectError extends Error {
  /** The class's name, for logs. */
  override name = "SubjectError";
}

/**
 * Starts a program and waits until it is warmed up.
 *
 * @throws SubjectError with what it said last.
 */
export async function startSubject({ program, args, env = {} }: Command): Promise<Subject> {
  const child = spawn(program, { args: [...args, "--wait"], env });
  const said = tail(child.stderr);
  const lines = linesOf(child.stdout);
  const requests = child.stdin.getWriter();
  const next = async <Line>(): Promise<Line> => {
    const line = await lines.next();
    if (!line.done) return JSON.parse(line.value);
    const { code } = await child.status;
    throw new SubjectError(await said || `it ended with code ${code}`);
  };
  const { facts } = await next<{ facts: Facts }>();
  return {
    facts,
    async repeat() {
      // A program that is gone says why below.
      await requests.write(new TextEncoder().encode("\n")).catch(() => {});
      return await next<Repetition>();
    },
    async peakMemory() {
      if (Deno.build.os !== "linux") return undefined;
      return readPeakMemory(await Deno.readTextFile(`/proc/${child.pid}/status`));
    },
    async stop() {
      await requests.close().catch(() => {});
      await Promise.all([child.status, said, lines.return(undefined)]);
    },
  };
}

function spawn(
  program: string,
  options: { args: string[]; env: Record<string, string> },
): Deno.ChildProcess {
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  try {
    return new Deno.Command(program, { ...options, ...piped }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new SubjectError(`${program} is not there`);
    throw error;
  }
}

/** The line of an error message that tells most: the last one, or Deno's "error:". */
async function tail(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  // deno-lint-ignore no-control-regex -- colours.
  const text = (await new Response(stream).text()).replaceAll(/\x1b\[[\d;]*m/g, "");
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return lines.find((line) => line.startsWith("error:")) ?? lines.at(-1) ?? "";
}

async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  return undefined;
}
