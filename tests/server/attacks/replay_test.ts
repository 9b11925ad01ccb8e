/** Every request of a whole run, sent again by somebody who has listened. */

import assert from "node:assert/strict";
import { createApp } from "../../../server/app.ts";
import { hashToken } from "../../../server/http/admin_session.ts";
import { defaultLimits } from "../../../server/http/limits.ts";
import { createService } from "../../../server/runs/mod.ts";
import type { Fetch } from "../../../src/federated/remote/connection.ts";
import { sha256 } from "../../../src/protocol/hash.ts";
import { probe, putProgress } from "../../../src/federated/remote/api.ts";
import { adminToken, expectProblem, type TestApp, withApp } from "../http/support.ts";
import { tinyManifest } from "../tiny_run.ts";
import { durableState } from "./durable_state.ts";
import { banksOf } from "./parties.ts";
import { wholeRun } from "./whole_run.ts";

/** A request as it went over the wire. */
interface Captured {
  readonly route: string;
  readonly init: RequestInit;
}

const manifest = tinyManifest({
  method: { ...tinyManifest().method, rankBy: "client", warmupRounds: 1 },
});

/** The same request with another body; with `digest` it says so. */
async function withOtherBody({ route, init }: Captured, digest: boolean): Promise<Captured> {
  const body = new TextEncoder().encode('{"samples":1}');
  const headers = { ...init.headers as Record<string, string> };
  if (digest) headers["content-digest"] = `sha-256=:${(await sha256(body)).toBase64()}:`;
  return { route, init: { ...init, headers, ...(init.method !== "GET" && { body }) } };
}

/** Runs a whole run and captures what its clients send; `onAnswer` comes right after each answer. */
async function capture(
  test: TestApp,
  onAnswer: (request: Captured) => Promise<void> = async () => {},
) {
  const captured: Captured[] = [];
  const fetch: Fetch = async (route, { method, headers, body }) => {
    const request = { route, init: { method: method!, headers: headers!, ...(body && { body }) } };
    const response = await test.fetch(route, request.init);
    captured.push(request);
    await onAnswer(request);
    return response;
  };
  const ended = await wholeRun(test, manifest, {
    fetch,
    evaluate: true,
    meanwhile: async ({ run, members: [{ connection, client }] }) => {
      await putProgress(connection, run, client, { round: 0, attempt: 0, step: 1, steps: 2 });
      await probe(connection, new Uint8Array(100));
    },
  });
  return { captured, ended };
}

Deno.test("createApp() refuses every request of a whole run when it comes again, and nothing changes", async () => {
  let undisturbed: Uint8Array[] = [];
  await withApp(async (test) => {
    const { ended } = await capture(test);
    undisturbed = await banksOf({ ...ended, test });
  });

  await withApp(async (test) => {
    // At once, when it would have its effect.
    const { captured, ended } = await capture(test, async ({ route, init }) => {
      await expectProblem("replay", 401, await test.fetch(route, init));
    });
    assert.deepEqual(await banksOf({ ...ended, test }), undisturbed);
    const kinds = new Set(captured.map(({ route, init }) => `${init.method} ${kindOf(route)}`));
    assert.deepEqual([...kinds].sort(), [
      "GET downloads",
      "GET manifest",
      "GET task",
      "POST enrolments",
      "POST probe",
      "PUT budget",
      "PUT choices",
      "PUT evaluations",
      "PUT progress",
      "PUT updates",
    ]);

    const before = await durableState(test.db);
    for (const request of captured) {
      await expectProblem("replay", 401, await test.fetch(request.route, request.init));
      if (request.init.method === "GET") continue;
      const other = await withOtherBody(request, false);
      // An enrolment vouches for its own key, which is in the body that is missing now.
      const code = kindOf(request.route) === "enrolments" ? "malformed" : "replay";
      const status = code === "replay" ? 401 : 400;
      await expectProblem(code, status, await test.fetch(other.route, other.init));
      const resigned = await withOtherBody(request, true);
      await expectProblem("bad-signature", 401, await test.fetch(resigned.route, resigned.init));
    }
    assert.deepEqual(await durableState(test.db), before);

    await test.clock.advance(301_000);
    for (const { route, init } of captured) {
      await expectProblem("clock-skew", 401, await test.fetch(route, init));
    }
    assert.deepEqual(await durableState(test.db), before);
  });
});

Deno.test("createApp() refuses what was written before it was restarted", () =>
  withApp(async (test) => {
    const { captured } = await capture(test);
    const before = await durableState(test.db);
    const { fetch } = restarted(test);
    let refused = 0;
    for (const { route, init } of captured) {
      const response = await fetch(route, init);
      if (init.method === "GET" || forgotten.has(kindOf(route))) {
        await response.body?.cancel();
        continue;
      }
      await expectProblem("replay", 401, response);
      refused++;
    }
    assert.ok(refused >= 3 * (2 + 3 * 2), `only ${refused} writes`);
    assert.deepEqual(await durableState(test.db), before);
  }));

/** Writes that leave nothing in the database, nor does their nonce. */
const forgotten = new Set(["progress", "probe"]);

/** The part of an address that tells what it is for: the first word that neither is a collection nor names one of its members, which may be all letters. */
function kindOf(route: string): string {
  const parts = new URL(route, "http://localhost").pathname.split("/").slice(2);
  const collections = new Set(["runs", "clients", "rounds"]);
  return parts.find((part, i) =>
    /^[a-z]{4,}$/.test(part) && !collections.has(part) && !collections.has(parts[i - 1])
  ) ?? parts[0];
}

/** The app of another process on the same database, which remembers nothing. */
function restarted(test: TestApp): Pick<TestApp, "fetch"> {
  const { db, clock, watch, metrics } = test;
  const service = createService({ db, now: clock.now, log: () => {}, changed: () => {} });
  const app = createApp({
    service,
    watch,
    clock,
    limits: defaultLimits,
    log: () => {},
    metrics,
    adminTokenHash: hashToken(adminToken),
    random: () => 0.5,
    newRequestId: () => "request",
    tickSoon: () => {},
    draining: new AbortController().signal,
    secure: false,
    assets: new Map(),
  });
  return { fetch: async (route, init) => await app.request(route, init) };
}
