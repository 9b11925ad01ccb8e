/** `deno task run watch`: a run as it goes on. @module */

import { retryDelay, type Sleep, timerSleep } from "../../federated/remote/retry.ts";
import type { OutputFormat } from "../../federated/settings/execution.ts";
import type { RunStatus } from "../../protocol/http/documents.ts";
import { readFlags } from "../flags.ts";
import { openEvents } from "./admin_api.ts";
import { adminOptions, formatOption, readFormat, readServer } from "./admin_flags.ts";
import { type AdminServer, RefusedError, unreachable, UnreachableError } from "./admin_server.ts";
import type { Print, RunCommand } from "./command.ts";
import { readEvents } from "./events.ts";
import { isScored, jsonView, lineView, liveView, type WatchView } from "./watch_view.ts";

const description = {
  name: "deno task run watch",
  summary: "Shows a run as it goes on, until it ends. Ctrl-C ends the watching, not the run.",
  settings: [],
  words: ["<run>"],
  options: [formatOption(), ...adminOptions()],
};

/** The subcommand. */
export const watch: RunCommand = {
  summary: "show a run as it goes on",
  async run(args, print) {
    const { own, words: [run] } = await readFlags(args, description);
    const view = openView(readFormat(own), print);
    try {
      await watchRun(await readServer(own), run, view);
    } finally {
      view.close();
    }
  },
};

function openView(format: OutputFormat, print: Print): WatchView {
  if (format === "json") return jsonView(print);
  if (!Deno.stdout.isTerminal()) return lineView(print);
  const encoder = new TextEncoder();
  const screen = {
    write: (text: string) => void Deno.stdout.writeSync(encoder.encode(text)),
    size: () => Deno.consoleSize(),
  };
  return liveView(screen, Date.now, (tick) => {
    const timer = setInterval(tick, 1000);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  });
}

/** Tries in a row after which a server that was there counts as gone: half a minute or so. */
const MOST_TRIES = 8;

const patience = { first: 500, most: 10_000 };

/** Milliseconds for which clients may still report what they think of the last bank. */
const GRACE = 5000;

/** Milliseconds without a byte after which the connection counts as cut. */
const STALL = 90_000;

/**
 * Shows a run until it has ended. A server that goes away is waited for: it may be restarting.
 *
 * @throws UnreachableError when it was not there at first, does not come back, or sends nothing.
 * @throws RefusedError when it refuses.
 */
export async function watchRun(
  admin: AdminServer,
  run: string,
  view: WatchView,
  sleep: Sleep = timerSleep,
): Promise<void> {
  const over = new AbortController();
  let seen = false;
  let failures = 0;
  using _ = { [Symbol.dispose]: () => over.abort() }; // a grace that is not over
  while (!over.signal.aborted) {
    let trouble: unknown = new UnreachableError(
      `Cannot use ${admin.server}: expected events, got none; is it a HAFL server?`,
    );
    try {
      for await (const status of statuses(admin, run, over.signal)) {
        view.show(status);
        seen = true;
        failures = 0;
        if (status.state === "stopped" || isDone(status)) return;
        if (status.state === "finished") {
          sleep(GRACE, over.signal).then(() => over.abort(), () => {});
        }
      }
    } catch (error) {
      trouble = error;
    }
    if (over.signal.aborted) return;
    const passing = trouble instanceof UnreachableError ||
      trouble instanceof RefusedError && trouble.status >= 500;
    if (!seen || !passing || failures >= MOST_TRIES) throw trouble;
    failures++;
    if (failures > 1) view.lost(`The server at ${admin.server} cannot be reached; trying again`);
    await sleep(retryDelay(patience, failures, Math.random), over.signal).catch(() => {});
  }
}

/** Whether a finished run has its last score. */
function isDone(status: RunStatus): boolean {
  const last = status.published.at(-1);
  return status.state === "finished" && last !== undefined && isScored(last, status);
}

async function* statuses(
  admin: AdminServer,
  run: string,
  signal: AbortSignal,
): AsyncGenerator<RunStatus> {
  const stalled = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watchdog = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(new Error("no sign of life")), STALL);
  };
  let response: Response | undefined;
  try {
    watchdog();
    response = await openEvents(admin, run, AbortSignal.any([signal, stalled.signal]));
    if (response.body === null) return;
    for await (const { event, data } of readEvents(response.body, watchdog)) {
      if (event === "status") yield JSON.parse(data);
    }
  } catch (error) {
    if (error instanceof RefusedError || error instanceof UnreachableError) throw error;
    throw unreachable(admin, error);
  } finally {
    clearTimeout(timer);
    // Also keeps the response from being collected as garbage: Deno would then not end the reading of its body when the signal is aborted.
    await response?.body?.cancel().catch(() => {});
  }
}
