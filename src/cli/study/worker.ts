/** Entry of a study's worker: runs that come as lines of settings, told as lines of results. It ends when its input does. @module */

import { DivergedError } from "../../federated/client_round.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { UserError } from "../../protocol/errors.ts";
import { prepareGraphics } from "../graphics.ts";
import { readLines } from "./lines.ts";
import type { Failure, Told } from "./messages.ts";
import { createRunner } from "./run_once.ts";

function tell(told: Told): void {
  const bytes = new TextEncoder().encode(JSON.stringify(told) + "\n");
  for (let written = 0; written < bytes.length;) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
}

function failureOf(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof DivergedError) return { cause: "diverged", message: error.fact };
  if (error instanceof UserError) return { cause: "user", message };
  return { cause: "fault", message: stack ?? message };
}

// A terminal sends Ctrl-C to the study and its workers alike; when the workers end is the study's part.
Deno.addSignalListener("SIGINT", () => {});
prepareGraphics();

const runner = createRunner();
let busy = false;
for await (const line of readLines(Deno.stdin.readable)) {
  // Not awaited, so that the end of the input is heard in the middle of a run.
  busy = true;
  runner.run(JSON.parse(line) as RunConfig, {
    note: (text) => tell({ kind: "note", text }),
    round: (round) => tell({ kind: "round", round }),
  }).then(
    (run): Told => ({ kind: "done", run }),
    (error): Told => ({ kind: "failed", failure: failureOf(error) }),
  ).then((told) => {
    busy = false;
    tell(told);
  });
}
// The study has gone, or needs no more.
if (busy) Deno.exit(1);
await runner.close();
Deno.exit();
