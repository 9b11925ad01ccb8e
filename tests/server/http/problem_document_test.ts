import assert from "node:assert/strict";
import { ProblemError, problemResponse } from "../../../server/http/problems.ts";
import { ServiceError } from "../../../server/runs/mod.ts";
import { createTinyRun, tinyManifest } from "../tiny_run.ts";
import { adminToken, enrolledRun, expectProblem, sendSigned, withApp } from "./support.ts";

const json = {
  "authorization": `Bearer ${adminToken}`,
  "content-type": "application/json",
};

Deno.test("createApp() answers an unknown path and an unknown run by a problem", () =>
  withApp(async ({ fetch }) => {
    const problem = await expectProblem("not-found", 404, await fetch("/v2/runs", {}));
    assert.match(String(problem.detail), /\/v2\/runs/);
    await expectProblem("not-found", 404, await fetch("/v1/runs/nothing", { headers: json }));
    await expectProblem(
      "not-found",
      404,
      await fetch("/v1/runs/nothing/events", { headers: json }),
    );
  }));

Deno.test("createApp() answers another method by a problem that names those there are", () =>
  withApp(async ({ fetch }) => {
    const refused = await fetch("/v1/runs/some", { method: "PUT" });
    const problem = await expectProblem("method-not-allowed", 405, refused);
    assert.equal(refused.headers.get("allow"), "GET, HEAD");
    assert.match(
      String(problem.detail),
      /^Cannot answer PUT \/v1\/runs\/some: expected GET, HEAD$/,
    );
    const patched = await fetch("/v1/session", { method: "PATCH" });
    await expectProblem("method-not-allowed", 405, patched);
    assert.equal(patched.headers.get("allow"), "POST, DELETE");
  }));

Deno.test("explainInvalid() names the place of the first thing that is wrong", () =>
  withApp(async ({ fetch, admin }) => {
    const { run } = await createTinyRun(admin);
    const post = (route: string, body: string) =>
      fetch(route, { method: "POST", headers: json, body });
    const { participation, ...manifest } = tinyManifest();
    const unfit = { ...manifest, participation: { ...participation, seats: "three" } };
    const cases: [string, string, RegExp][] = [
      ["/v1/runs", JSON.stringify(unfit), /the body at "participation.seats": .*number/],
      ["/v1/runs", JSON.stringify({ ...tinyManifest(), colour: 1 }), /the body: .*"colour"/],
      ["/v1/runs", "[]", /the body: expected object/],
      ["/v1/runs", "{", /Malformed JSON/],
      [`/v1/runs/${run}/invitations`, '{"seats":[{"role":"king"}]}', /at "seats.0.role"/],
      [`/v1/runs/${run}/clients/x/withdraw`, "", /the path at "client": expected a whole number/],
      [`/v1/runs/${run}/clients/-1/withdraw`, "", /the path at "client"/],
    ];
    for (const [route, body, detail] of cases) {
      const problem = await expectProblem("malformed", 400, await post(route, body));
      assert.match(String(problem.detail), detail);
      assert.equal(problem.reason, undefined, "nobody's message");
    }
    const wrong = await fetch("/v1/audit?limit=1001", { headers: json });
    assert.match(
      String((await expectProblem("malformed", 400, wrong)).detail),
      /the query at "limit"/,
    );
  }));

Deno.test("createApp() refuses a body that is no JSON, of another type or no UTF-8", () =>
  withApp(async ({ fetch }) => {
    const post = (body: BodyInit, type: string) =>
      fetch("/v1/runs", { method: "POST", headers: { ...json, "content-type": type }, body });
    await expectProblem("malformed", 415, await post("{}", "text/plain"));
    const bytes = await post(new Uint8Array([0x22, 0xff, 0x22]), "application/json");
    assert.match(String((await expectProblem("malformed", 400, bytes)).detail), /UTF-8/);
  }));

Deno.test("refuse() writes a client's malformed message down, and no one else's", () =>
  withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test);
    const refused = await sendSigned(test, key, {
      method: "PUT",
      route: `/v1/runs/${run}/clients/0/progress`,
      body: new TextEncoder().encode('{"round":0}'),
      type: "application/json",
    });
    assert.equal((await expectProblem("malformed", 400, refused)).reason, "malformed");
    const rows = await test.db.query("SELECT run, client, reason FROM rejects");
    assert.deepEqual(rows.map((row) => ({ ...row })), [{ run, client: 0, reason: "malformed" }]);
  }));

Deno.test("refuse() tells a fault of the server to the log, and to the caller its name alone", () =>
  withApp(async ({ fetch, db, lines }) => {
    const broken = db.query;
    db.query = () => Promise.reject(new Error("secret of the database"));
    const failed = await fetch("/v1/runs", { headers: json });
    db.query = broken;
    const text = await failed.clone().text();
    const problem = await expectProblem("internal", 500, failed);
    assert.equal(problem.request, failed.headers.get("x-request-id"));
    assert.doesNotMatch(text, /secret|\.ts/);
    const [line] = lines.filter(({ event }) => event === "request failed");
    assert.equal(line.facts.request, problem.request);
    assert.match(String(line.facts.error), /secret of the database[\s\S]*\.ts/);
  }));

Deno.test("problemResponse() cuts what it tells at a length that people read", async () => {
  const detail = `Cannot read ${"x".repeat(10_000_000)}`;
  const response = problemResponse(new ProblemError("malformed", detail));
  assert.equal((await expectProblem("malformed", 400, response)).detail, detail.slice(0, 1000));
});

Deno.test("refuse() carries the further members of a refusal", () =>
  withApp(async ({ app, fetch }) => {
    app.get("/test", () => {
      throw new ServiceError("conflict", "Cannot do it: it is done", undefined, { since: 5 });
    });
    const problem = await expectProblem("conflict", 409, await fetch("/test", {}));
    assert.equal(problem.since, 5);
    assert.equal(problem.detail, "Cannot do it: it is done");
  }));
