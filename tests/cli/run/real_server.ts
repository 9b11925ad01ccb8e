/** The real server on a free port of this machine, with a database of its own. */

import { createApp } from "../../../server/app.ts";
import { hashToken } from "../../../server/http/admin_session.ts";
import { systemClock } from "../../../server/http/clock.ts";
import { defaultLimits } from "../../../server/http/limits.ts";
import { createMetrics } from "../../../server/http/metrics.ts";
import { runPulses } from "../../../server/http/run_pulses.ts";
import { createRunWatch } from "../../../server/http/run_watch.ts";
import { createService, tick } from "../../../server/runs/mod.ts";
import { openDatabase } from "../../../server/store/open.ts";

/** A server that runs until it is disposed. */
export interface RealServer extends AsyncDisposable {
  readonly url: string;
  /** The flags that an administrator's commands need for it. */
  readonly flags: readonly string[];
  /** What went wrong in it. */
  readonly faults: unknown[];
}

const token = "the-administrator-of-a-test";

/** Starts a server. */
export async function realServer(): Promise<RealServer> {
  const dataDir = await Deno.makeTempDir({ prefix: "hafl-server-" });
  const tokenFile = `${dataDir}/admin-token`;
  await Deno.writeTextFile(tokenFile, token);
  const db = await openDatabase({ dataDir });
  const draining = new AbortController();
  const faults: unknown[] = [];
  const watch = createRunWatch({
    clock: systemClock,
    watchMs: 1000,
    pulses: (runs) => runPulses(db, runs),
    onError: (error) => faults.push(error),
  });
  const service = createService({ db, now: Date.now, log() {}, changed: watch.wake });
  let ticking = Promise.resolve();
  const app = createApp({
    service,
    watch,
    clock: systemClock,
    limits: { ...defaultLimits, eventMs: 1 },
    log: (level, event, facts) => {
      if (level === "error") faults.push({ event, ...facts });
    },
    metrics: createMetrics({ waiting: () => watch.waiting, memory: () => 1 }),
    adminTokenHash: hashToken(token),
    random: Math.random,
    newRequestId: () => crypto.randomUUID(),
    tickSoon: () =>
      ticking = ticking.then(() => tick(service)).catch((error) => void faults.push(error)),
    draining: draining.signal,
    secure: false,
    assets: new Map(),
  });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, info) => app.fetch(request, info),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  return {
    url,
    flags: ["--server", url, "--token-file", tokenFile],
    faults,
    async [Symbol.asyncDispose]() {
      draining.abort();
      await server.shutdown();
      await ticking;
      await db.close();
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}
