/**
 * A server that listens: the app, its clock, its database and Deno's HTTP server, put together.
 *
 * @module
 */

import { createApp } from "./app.ts";
import { startTicking } from "./tick_loop.ts";
import { UserError } from "../src/protocol/errors.ts";
import { hashToken } from "./http/admin_session.ts";
import { type Clock, systemClock } from "./http/clock.ts";
import { defaultLimits, type Limits } from "./http/limits.ts";
import type { Log } from "./http/log.ts";
import { createMetrics } from "./http/metrics.ts";
import type { Asset } from "./http/parts.ts";
import { runPulses } from "./http/run_pulses.ts";
import { createRunWatch } from "./http/run_watch.ts";
import { beginDue, createService, flushContacts, settle } from "./runs/mod.ts";
import type { Database } from "./store/database.ts";

/** What a host is made of. */
export interface HostSettings {
  /** Closed when the host has drained. */
  readonly db: Database;
  readonly adminToken: string;
  readonly hostname: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Certificate and key, PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly log: Log;
  readonly clock?: Clock;
  readonly limits?: Limits;
  readonly assets?: ReadonlyMap<string, Asset>;
  /** Milliseconds that requests in progress get at the end. */
  readonly drainMs?: number;
}

/** A server that listens. */
export interface Host {
  /** Such as http://127.0.0.1:8080. */
  readonly address: string;
  /** Refuses new requests, lets those and the aggregations in progress end, and closes the database. */
  drain(): Promise<void>;
}

/** How often to look for what is due: deadlines, and rounds that another process left. */
const TICK_MS = 1000;
/** How often to write down who was heard of. */
const FLUSH_MS = 5000;

/**
 * Starts a server.
 *
 * @throws {UserError} when the address cannot be listened on; the database is left open then.
 */
export function startHost(settings: HostSettings): Host {
  const { db, tls, log, clock = systemClock, limits = defaultLimits } = settings;
  const draining = new AbortController();
  const watch = createRunWatch({
    clock,
    watchMs: limits.watchMs,
    pulses: (runs) => runPulses(db, runs),
    onError: (error) => log("error", "watch failed", { error: String(error) }),
  });
  const metrics = createMetrics({
    waiting: () => watch.waiting,
    memory: () => Deno.memoryUsage().rss,
  });
  const service = createService({
    db,
    now: clock.now,
    log: (event, facts) => {
      metrics.countEvent(event);
      log("info", event, facts);
    },
    changed: watch.wake,
  });
  const app = createApp({
    service,
    watch,
    clock,
    limits,
    log,
    metrics,
    adminTokenHash: hashToken(settings.adminToken),
    random: Math.random,
    newRequestId: () => crypto.randomUUID(),
    tickSoon: () => ticking.soon(),
    draining: draining.signal,
    secure: tls !== undefined,
    assets: settings.assets ?? new Map(),
  });
  const answering = new Set<Promise<void>>();
  const closing = new AbortController();
  const server = listen(settings, closing.signal, (request, { remoteAddr, completed }) => {
    answering.add(completed);
    completed.catch(() => {}).then(() => answering.delete(completed));
    return app.fetch(request, { remoteAddr });
  });
  const failed = (event: string) => (error: unknown) =>
    log("error", event, { error: error instanceof Error ? error.stack : String(error) });
  const ticking = startTicking(clock, TICK_MS, async () => {
    for (const work of (await beginDue(service)).begun) work.catch(failed("tick failed"));
  }, failed("tick failed"));
  const flushing = startTicking(
    clock,
    FLUSH_MS,
    () => flushContacts(service),
    failed("flush failed"),
  );

  return {
    address: addressOf(tls !== undefined, server.addr),
    async drain() {
      draining.abort();
      // Deno's shutdown takes bodies that are being received away: first all that is being answered is.
      const answered = Promise.allSettled(answering).then(() => server.shutdown());
      const ended = await inTime(clock, settings.drainMs ?? 30_000, answered);
      // Whoever does not read its answer would keep the process for ever.
      if (!ended) closing.abort();
      await Promise.all([ticking.stop(), flushing.stop()]);
      await settle(service);
      await flushContacts(service).catch(failed("flush failed"));
      await db.close();
    },
  };
}

function listen(
  { hostname, port, tls }: HostSettings,
  signal: AbortSignal,
  handler: Deno.ServeHandler<Deno.NetAddr>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname, port, ...tls, signal, onListen: () => {} }, handler);
  } catch (error) {
    const { InvalidData, AddrInUse, AddrNotAvailable, PermissionDenied } = Deno.errors;
    const { message } = error as Error;
    if (tls !== undefined && (error instanceof InvalidData || /KeyMismatch/.test(message))) {
      throw new UserError(
        `Cannot use --cert and --key: ${message}; expected a certificate and its own key, as PEM`,
      );
    }
    const why = error instanceof AddrInUse
      ? "another program listens there; stop it or use another --port"
      : error instanceof AddrNotAvailable
      ? "it is no address of this machine; use another --host"
      : error instanceof PermissionDenied
      ? "the system does not let this user; use a --port above 1023"
      : message;
    throw new UserError(`Cannot listen on ${hostname}:${port}: ${why}`);
  }
}

function addressOf(secure: boolean, { hostname, port }: Deno.NetAddr): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${secure ? "https" : "http"}://${host}:${port}`;
}

/** Waits for work, but not forever. @returns whether it ended. */
async function inTime(
  clock: Clock,
  milliseconds: number,
  work: Promise<unknown>,
): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const callOff = clock.after(milliseconds, () => late.resolve(false));
  const ended = await Promise.race([work.then(() => true), late.promise]);
  callOff();
  return ended;
}
