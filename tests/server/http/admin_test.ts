import assert from "node:assert/strict";
import {
  createSession,
  hashToken,
  isAdminHeader,
  isSession,
} from "../../../server/http/admin_session.ts";
import { createTinyRun } from "../tiny_run.ts";
import { adminToken, expectProblem, expectStatus, withApp } from "./support.ts";

const bearer = { authorization: `Bearer ${adminToken}` };

Deno.test("isAdminHeader() takes the token as a bearer token and nothing else", () => {
  const hash = hashToken("secret-token");
  assert.ok(isAdminHeader("Bearer secret-token", hash));
  assert.ok(isAdminHeader("bearer secret-token", hash), "the scheme has no case (RFC 9110)");
  const wrong = ["Bearer secret-toke", "Bearer secret-tokens", "Basic secret-token", "Bearer", ""];
  for (const header of [...wrong, undefined]) assert.equal(isAdminHeader(header, hash), false);
});

Deno.test("isSession() takes what createSession() made, by the same token, until its end", () => {
  const hash = hashToken("secret-token");
  const session = createSession(hash, 5000);
  assert.ok(isSession(session, hash, 4999));
  assert.equal(isSession(session, hash, 5000), false, "it has ended");
  assert.equal(isSession(session, hashToken("another-token"), 0), false, "another server's");
  assert.equal(isSession(session.replace("5000.", "9000."), hash, 6000), false, "prolonged");
  for (const cookie of [undefined, "", "5000.", `${session}=`]) {
    assert.equal(isSession(cookie, hash, 0), false);
  }
});

Deno.test("adminOnly() lets nobody else do what the administrator does", () =>
  withApp(async ({ fetch, admin }) => {
    const { run } = await createTinyRun(admin);
    const requests: [string, string][] = [
      ["POST", "/v1/runs"],
      ["PUT", `/v1/runs/${run}/bank`],
      ["POST", `/v1/runs/${run}/invitations`],
      ["GET", "/v1/runs"],
      ["GET", `/v1/runs/${run}`],
      ["GET", `/v1/runs/${run}/events`],
      ["GET", "/v1/audit"],
      ["POST", `/v1/runs/${run}/stop`],
      ["POST", `/v1/runs/${run}/clients/0/withdraw`],
      ["PUT", `/v1/models/${"0a".repeat(32)}/files/config.json`],
      ["POST", "/v1/session"],
      ["GET", "/metrics"],
      ["GET", `/v1/runs/${run}/manifest`],
      ["GET", `/v1/runs/${run}/banks/latest`],
    ];
    for (const [method, route] of requests) {
      for (const headers of [{}, { authorization: "Bearer a-wrong-administrator" }]) {
        const answer = await fetch(route, { method, headers });
        await expectProblem("unauthorized", 401, answer);
        assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="hafl"', route);
      }
    }
  }));

Deno.test("addLiveRoutes() trade the token for a cookie that reads and does nothing else", () =>
  withApp(async ({ fetch, admin, clock }) => {
    const { run } = await createTinyRun(admin);
    const opened = await fetch("/v1/session", { method: "POST", headers: bearer });
    assert.equal(opened.status, 204);
    const set = opened.headers.get("set-cookie")!;
    assert.match(set, /^hafl_session=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    const headers = { cookie: set.split(";")[0] };
    for (const route of ["/v1/runs", `/v1/runs/${run}`, "/v1/audit", "/metrics"]) {
      await expectStatus(200, await fetch(route, { headers }));
    }
    const stop = { method: "POST", headers };
    await expectProblem("unauthorized", 401, await fetch(`/v1/runs/${run}/stop`, stop));
    await expectProblem("unauthorized", 401, await fetch("/v1/session", stop));
    await clock.advance(12 * 3600 * 1000);
    const old = await expectProblem("unauthorized", 401, await fetch("/v1/runs", { headers }));
    assert.match(String(old.detail), /an old one/);
    const closed = await fetch("/v1/session", { method: "DELETE", headers });
    assert.match(closed.headers.get("set-cookie")!, /^hafl_session=; Max-Age=0;/);
  }));

Deno.test("addLiveRoutes() keep the cookie to TLS where there is TLS", () =>
  withApp(async ({ fetch }) => {
    const opened = await fetch("/v1/session", { method: "POST", headers: bearer });
    assert.match(opened.headers.get("set-cookie")!, /; HttpOnly; Secure; SameSite=Strict$/);
    assert.ok(opened.headers.has("strict-transport-security"));
  }, { secure: true }));

Deno.test("adminOnly() does not fall back on a session when the token is wrong", () =>
  withApp(async ({ fetch, clock }) => {
    const session = createSession(hashToken(adminToken), clock.now() + 1000);
    const headers = { cookie: `hafl_session=${session}`, authorization: "Bearer a-wrong-one" };
    await expectProblem("unauthorized", 401, await fetch("/v1/runs", { headers }));
  }));

Deno.test("addRunRoutes() steer a run, and the audit log tells", () =>
  withApp(async ({ fetch, admin }) => {
    const { run } = await createTinyRun(admin);
    await expectStatus(
      204,
      await fetch(`/v1/runs/${run}/stop`, { method: "POST", headers: bearer }),
    );
    const listed = await (await fetch("/v1/runs", { headers: bearer })).json();
    assert.deepEqual(listed.map(({ run, state }: { run: string; state: string }) => [run, state]), [
      [run, "stopped"],
    ]);
    const audit = await (await fetch("/v1/audit?limit=2", { headers: bearer })).json();
    assert.equal(audit.length, 2);
    assert.deepEqual([audit[0].actor, audit[0].run], ["admin", run]);
    await expectProblem(
      "malformed",
      400,
      await fetch("/v1/audit?limit=0", { headers: bearer }),
    );
    const { status, headers } = await fetch("/v1/runs", {
      method: "POST",
      headers: { ...bearer, "content-type": "application/json" },
      body: "{}",
    });
    assert.deepEqual([status, headers.get("location")], [400, null]);
  }));

Deno.test("requestLog() tells no secrets", () =>
  withApp(async ({ fetch, admin, lines }) => {
    const { invitations } = await createTinyRun(admin);
    await expectStatus(204, await fetch("/v1/session", { method: "POST", headers: bearer }));
    const log = JSON.stringify(lines);
    assert.ok(lines.length > 3);
    for (const secret of [adminToken, ...invitations.map(({ token }) => token)]) {
      assert.ok(!log.includes(secret));
    }
  }));
