/**
 * A server that kills itself at a commit. Its first argument is a `FaultySettings` as JSON.
 *
 * @module
 */

import { startHost } from "../../../server/host.ts";
import { type Clock, systemClock } from "../../../server/http/clock.ts";
import { defaultLimits } from "../../../server/http/limits.ts";
import { openDatabase } from "../../../server/store/open.ts";
import { restore } from "../../../server/store/restore.ts";
import { onFault, parseFault } from "./fault.ts";
import { adminToken, type FaultyLine, type FaultySettings } from "./server_process.ts";

const settings: FaultySettings = JSON.parse(Deno.args[0]);
const { dataDir, url, fault, ahead = 0 } = settings;

function tell(line: FaultyLine): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}

function die(): void {
  tell({ fault: fault! });
  Deno.kill(Deno.pid, "SIGKILL");
}

/** What a server does every few seconds it does every few milliseconds; callers keep their patience. */
const hurried: Clock = {
  now: () => Date.now() + ahead,
  after: (milliseconds, run) =>
    systemClock.after(milliseconds > 5000 ? milliseconds : Math.min(milliseconds, 20), run),
};

const db = await openDatabase({
  dataDir,
  url,
  ...(fault !== undefined && { onStep: onFault(parseFault(fault), die) }),
});
if (settings.restore !== undefined) await restore(db, settings.restore);
const { address } = startHost({
  db,
  adminToken,
  hostname: "127.0.0.1",
  port: 0,
  clock: hurried,
  limits: { ...defaultLimits, perClient: { burst: 1e6, perSecond: 1e6 } },
  log: (level, event, facts) => {
    if (level === "error") console.error(event, facts);
  },
});
tell({ address });
