/** An app on a database of its own and a fake clock, and requests to it. */

import assert from "node:assert/strict";
import { createApp } from "../../../server/app.ts";
import { hashToken } from "../../../server/http/admin_session.ts";
import { defaultLimits, type Limits } from "../../../server/http/limits.ts";
import { createMetrics, type Metrics } from "../../../server/http/metrics.ts";
import type { AppDeps } from "../../../server/http/parts.ts";
import type { App } from "../../../server/http/routes/route.ts";
import { runPulses } from "../../../server/http/run_pulses.ts";
import { createRunWatch, type RunWatch } from "../../../server/http/run_watch.ts";
import { createService, type Service, tick } from "../../../server/runs/mod.ts";
import type { Database } from "../../../server/store/database.ts";
import { openDatabase } from "../../../server/store/open.ts";
import { type ClientKey, createKey, openKey } from "../../../src/federated/remote/client_key.ts";
import type { Fetch } from "../../../src/federated/remote/connection.ts";
import { sha256 } from "../../../src/protocol/hash.ts";
import type { ProblemCode } from "../../../src/protocol/http/problem.ts";
import { problemType, problemUri } from "../../../src/protocol/http/problem.ts";
import { newNonce, signRequest } from "../../../src/protocol/http/request_signature.ts";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { type AdminAccess, createTinyRun, tinyManifest } from "../tiny_run.ts";
import { createFakeClock, type FakeClock } from "./fake_clock.ts";

/** The administrator's token of every app here. */
export const adminToken = "the-administrator-of-a-test";

/** A line of an app's log. */
export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** An app and what it is made of. */
export interface TestApp {
  readonly app: App;
  readonly db: Database;
  readonly service: Service;
  readonly watch: RunWatch;
  readonly metrics: Metrics;
  readonly clock: FakeClock;
  readonly lines: LogLine[];
  /** To the app, without a socket. */
  readonly fetch: Fetch;
  readonly admin: AdminAccess;
  /** Ends all waiting. */
  readonly drain: () => void;
  /** Ticks asked for and not yet done. */
  readonly ticks: () => number;
  /** Does what is due in all runs. */
  readonly tick: () => Promise<void>;
}

/** What a test may change. */
export interface TestAppSettings extends Partial<Pick<AppDeps, "secure" | "assets">> {
  readonly limits?: Partial<Limits>;
  /** The sender's address. */
  readonly address?: () => string;
}

/** Runs a test on an app. */
export async function withApp(
  body: (test: TestApp) => Promise<void>,
  { limits, address = () => "127.0.0.1", secure = false, assets = new Map() }: TestAppSettings = {},
): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  const db = await openDatabase({ dataDir });
  const clock = createFakeClock();
  const draining = new AbortController();
  const lines: LogLine[] = [];
  const log: AppDeps["log"] = (level, event, facts) => lines.push({ level, event, facts });
  const all = { ...defaultLimits, ...limits };
  const watch = createRunWatch({
    clock,
    watchMs: all.watchMs,
    pulses: (runs) => runPulses(db, runs),
    onError: (error) => log("error", "watch", { error }),
  });
  const metrics = createMetrics({ waiting: () => watch.waiting, memory: () => 1 });
  const service = createService({
    db,
    now: clock.now,
    log: (event, facts) => {
      metrics.countEvent(event);
      log("info", event, facts);
    },
    changed: watch.wake,
  });
  let ticks = 0;
  let requests = 0;
  const app = createApp({
    service,
    watch,
    clock,
    limits: all,
    log,
    metrics,
    adminTokenHash: hashToken(adminToken),
    random: () => 0.5,
    newRequestId: () => `request-${++requests}`,
    tickSoon: () => ticks++,
    draining: draining.signal,
    secure,
    assets,
  });
  const fetch: Fetch = async (url, init) =>
    await app.request(url, init, { remoteAddr: { hostname: address() } });
  try {
    await body({
      app,
      db,
      service,
      watch,
      metrics,
      clock,
      lines,
      fetch,
      admin: { server: "", fetch, adminToken },
      drain: () => draining.abort(),
      ticks: () => ticks,
      tick: async () => {
        ticks = 0;
        await tick(service);
      },
    });
  } finally {
    draining.abort();
    await db.close();
    await Deno.remove(dataDir, { recursive: true });
  }
}

/** A request as a client signs it; a test may sign something else than it sends. */
export interface SignedRequest {
  readonly method: string;
  readonly route: string;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly type?: string;
  /** What is sent instead of the body that was signed. */
  readonly sends?: BodyInit;
  readonly created?: number;
  readonly nonce?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Signs a request and sends it. */
export async function sendSigned(
  { fetch, clock }: Pick<TestApp, "fetch" | "clock">,
  key: ClientKey,
  request: SignedRequest,
): Promise<Response> {
  return await fetch(request.route, await signedInit(clock, key, request));
}

/** What {@linkcode sendSigned} sends. */
export async function signedInit(
  clock: FakeClock,
  key: ClientKey,
  request: SignedRequest,
): Promise<RequestInit> {
  const { method, route, body = new Uint8Array(), type, sends = body, headers, signal } = request;
  const { pathname, search } = new URL(route, "http://localhost");
  const signature = await signRequest({
    method,
    path: pathname,
    query: search === "" ? "?" : search,
    digest: await sha256(body),
    created: request.created ?? Math.floor(clock.now() / 1000),
    nonce: request.nonce ?? newNonce(),
    keyId: key.keyId,
  }, key.privateKey);
  return {
    method,
    headers: { ...signature, ...(type && { "content-type": type }), ...headers },
    ...(method !== "GET" && method !== "HEAD" && { body: sends }),
    ...(signal && { signal }),
  };
}

/** A document as a request's body. */
export function jsonOf(document: unknown): { body: Uint8Array<ArrayBuffer>; type: string } {
  return { body: new TextEncoder().encode(JSON.stringify(document)), type: "application/json" };
}

/** A client with a seat and a key. */
export interface Member {
  readonly key: ClientKey;
  readonly client: number;
}

/** A run whose clients have enrolled; with `ready` the first round is open. */
export async function enrolledRun(
  test: TestApp,
  { manifest = tinyManifest(), ready = false }: {
    readonly manifest?: RunManifest;
    readonly ready?: boolean;
  } = {},
): Promise<{ readonly run: string; readonly manifest: RunManifest; readonly members: Member[] }> {
  const { run, invitations } = await createTinyRun(test.admin, manifest);
  const members: Member[] = [];
  for (const { client, token } of invitations) {
    const key = await newKey();
    await expectStatus(
      200,
      await sendSigned(test, key, {
        method: "POST",
        route: `/v1/runs/${run}/enrolments`,
        ...jsonOf({ token, name: `client ${client}`, publicKey: key.publicKey }),
      }),
    );
    members.push({ key, client });
  }
  if (ready) {
    for (const { key, client } of members) {
      await expectStatus(
        200,
        await sendSigned(test, key, {
          method: "PUT",
          route: `/v1/runs/${run}/clients/${client}/budget`,
          ...jsonOf({ samples: 10 }),
        }),
      );
    }
  }
  return { run, manifest, members };
}

/** A new client's key. */
export async function newKey(): Promise<ClientKey> {
  return await openKey(await createKey());
}

/** Asserts a status; tells the answer where it is another. */
export async function expectStatus(status: number, response: Response): Promise<void> {
  if (response.status === status) return await response.body?.cancel();
  assert.fail(`expected status ${status}, got ${response.status}: ${await response.text()}`);
}

/** Asserts that an answer is a problem document with this code. @returns the document. */
export async function expectProblem(
  code: ProblemCode,
  status: number,
  response: Response,
): Promise<Record<string, unknown>> {
  const text = await response.text();
  assert.equal(response.headers.get("content-type"), problemType, text);
  const problem = JSON.parse(text);
  assert.equal(problem.type, problemUri(code), text);
  assert.equal(response.status, status, text);
  assert.equal(problem.status, status);
  assert.match(problem.detail, /^[A-Z].*\S/, "a sentence");
  assert.ok(problem.title.length > 0);
  return problem;
}

/** A metric's number, by its name and labels as Prometheus reads them; 0 where it is not there yet. */
export async function metricOf(
  { metrics }: Pick<TestApp, "metrics">,
  name: string,
): Promise<number> {
  const { text } = await metrics.read();
  const line = text.split("\n").find((line) => line.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length));
}

/** The refused messages of a run, newest first: reason and client. */
export async function rejectsOf(
  { db }: Pick<TestApp, "db">,
  run: string,
): Promise<{ reason: string; client: number | null; round: number | null }[]> {
  return await db.query(
    "SELECT reason, client, round FROM rejects WHERE run = $1 ORDER BY id DESC",
    [run],
  );
}
