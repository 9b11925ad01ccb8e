/** A worker as the study sees it: a process of its own, so that one that crashes or runs out of memory takes nothing with it. @module */

import type { RunConfig } from "../../federated/run_config.ts";
import { readLines } from "./lines.ts";
import type { Failure, FinishedRun, Told } from "./messages.ts";
import type { RunListener } from "./run_once.ts";

/** How a run ended; a worker that ended in the middle of it is a failure too. */
export type Outcome =
  | { readonly kind: "done"; readonly run: FinishedRun }
  | {
    readonly kind: "failed";
    readonly failure: Failure | { readonly cause: "ended"; readonly message: string };
  };

/** A worker, for one run at a time. */
export interface WorkerProcess {
  run(config: RunConfig, listener: RunListener): Promise<Outcome>;
  /** Lets it free its device and end. */
  close(): Promise<void>;
  /** Ends it at once, in the middle of a run too. */
  kill(): Promise<void>;
}

/** The last of what a worker said beside its answers, to tell why it ended. */
const tailLength = 2000;

/** Starts a worker. */
export function startWorker(): WorkerProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "-A", new URL("./worker.ts", import.meta.url).href],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const answers = readLines(child.stdout);
  let tail = "";
  const listened = child.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({ write: (text) => void (tail = (tail + text).slice(-tailLength)) }),
  );

  const endOf = async (): Promise<Outcome> => {
    const { code, signal } = await child.status;
    await listened.catch(() => {});
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    const last = tail.trim().split("\n").at(-1)!;
    const message = `its process ended ${how}${last === "" ? "" : `: ${last}`}`;
    return { kind: "failed", failure: { cause: "ended", message } };
  };

  return {
    async run(config, listener) {
      try {
        await writer.write(new TextEncoder().encode(JSON.stringify(config) + "\n"));
      } catch {
        return await endOf(); // it has gone since its last run
      }
      for (;;) {
        const { value, done } = await answers.next();
        if (done) return await endOf();
        const told = JSON.parse(value) as Told;
        switch (told.kind) {
          case "note":
            listener.note(told.text);
            break;
          case "round":
            listener.round(told.round);
            break;
          case "done":
          case "failed":
            return told;
          default:
            told satisfies never;
        }
      }
    },
    async close() {
      await writer.close().catch(() => {});
      for await (const _ of answers); // its end closes the pipe
      await child.status;
      await listened.catch(() => {});
    },
    async kill() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await child.status;
    },
  };
}
