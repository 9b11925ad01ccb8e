import assert from "node:assert/strict";
import { newNonce } from "../../../src/protocol/http/request_signature.ts";
import { adminRequest, createTinyRun } from "../tiny_run.ts";
import {
  enrolledRun,
  expectProblem,
  expectStatus,
  jsonOf,
  metricOf,
  newKey,
  rejectsOf,
  sendSigned,
  signedInit,
  type TestApp,
  withApp,
} from "./support.ts";

const taskOf = (run: string, client: number) => `/v1/runs/${run}/clients/${client}/task`;

async function withMember(
  body: (
    test: TestApp & { run: string; key: Awaited<ReturnType<typeof newKey>>; route: string },
  ) => Promise<void>,
): Promise<void> {
  await withApp(async (test) => {
    const { run, members: [{ key, client }] } = await enrolledRun(test);
    await body({ ...test, run, key, route: taskOf(run, client) });
  });
}

Deno.test("clientOnly() lets a signed request pass and remembers its sender", () =>
  withMember(async (test) => {
    const { run, key, route, service } = test;
    await expectStatus(200, await sendSigned(test, key, { method: "GET", route }));
    assert.ok([...service.memory.contacts.keys()].includes(`${run} 0`));
  }));

Deno.test("clientOnly() refuses a request without a signature and leaves no row", () =>
  withMember(async (test) => {
    await expectProblem("unauthorized", 401, await test.fetch(test.route, {}));
    assert.deepEqual(await rejectsOf(test, test.run), []);
  }));

Deno.test("clientOnly() refuses a signature over another request and leaves no row", () =>
  withMember(async (test) => {
    const { key, route, clock, fetch, run } = test;
    const other = [
      await signedInit(clock, key, { method: "GET", route: `${route}?wait=1` }),
      { ...await signedInit(clock, key, { method: "POST", route }), method: "GET", body: null },
      await signedInit(clock, await newKey(), { method: "GET", route }),
    ];
    for (const init of other) await expectProblem("bad-signature", 401, await fetch(route, init));
    assert.deepEqual(await rejectsOf(test, run), []);
    assert.equal(await metricOf(test, 'hafl_rejects_total{reason="bad-signature"}'), 3);
  }));

Deno.test("clientOnly() refuses a signature header of another form", () =>
  withMember(async (test) => {
    const { key, route, clock, fetch } = test;
    const { headers, ...init } = await signedInit(clock, key, { method: "GET", route });
    const altered = { ...headers, "signature": "hafl=:AAAA:" };
    await expectProblem("bad-signature", 401, await fetch(route, { ...init, headers: altered }));
    const { signature: _, ...partial } = headers as Record<string, string>;
    const problem = await expectProblem(
      "bad-signature",
      401,
      await fetch(route, { ...init, headers: partial }),
    );
    assert.match(String(problem.detail), /signature missing/);
  }));

Deno.test("clientOnly() lets a clock be off by the window, and tells one that is off by more the server's time", () =>
  withMember(async (test) => {
    const { key, route, clock, run } = test;
    const now = clock.now() / 1000;
    for (const created of [now - 300, now + 300]) {
      await expectStatus(200, await sendSigned(test, key, { method: "GET", route, created }));
    }
    for (const created of [now - 301, now + 301]) {
      const refused = await sendSigned(test, key, { method: "GET", route, created });
      const problem = await expectProblem("clock-skew", 401, refused);
      assert.equal(problem.serverTime, clock.now());
    }
    assert.deepEqual((await rejectsOf(test, run)).map(({ reason }) => reason), [
      "clock-skew",
      "clock-skew",
    ]);
  }));

Deno.test("clientOnly() takes a nonce once, for as long as its signature is valid", () =>
  withMember(async (test) => {
    const { key, route, clock, run } = test;
    const created = clock.now() / 1000 + 300;
    const nonce = newNonce();
    const request = { method: "GET", route, created, nonce };
    await expectStatus(200, await sendSigned(test, key, request));
    await expectProblem("replay", 401, await sendSigned(test, key, request));
    await clock.advance(600_000);
    await expectProblem("replay", 401, await sendSigned(test, key, request));
    await clock.advance(1000);
    await expectProblem("clock-skew", 401, await sendSigned(test, key, request));
    assert.equal((await rejectsOf(test, run))[1].reason, "replay");
  }));

Deno.test("clientOnly() takes the nonce of a write once, with the same and with another body", () =>
  withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test);
    const nonce = newNonce();
    const write = (samples: number) =>
      sendSigned(test, key, {
        method: "PUT",
        route: `/v1/runs/${run}/clients/0/budget`,
        nonce,
        ...jsonOf({ samples }),
      });
    await expectStatus(200, await write(10));
    await expectProblem("replay", 401, await write(10));
    await expectProblem("replay", 401, await write(11));
    const [{ samples }] = await test.db.query<{ samples: number }>(
      "SELECT samples FROM seats WHERE client = 0",
    );
    assert.equal(samples, 10);
  }));

Deno.test("clientOnly() takes the nonce of a write once on all processes of a database", () =>
  withApp(async (first) => {
    const { run, members: [{ key }] } = await enrolledRun(first);
    const nonce = newNonce();
    await first.db.transaction("set-budget", async (transaction) => {
      await transaction.query(
        "INSERT INTO nonces (key_id, nonce, seen_at) VALUES ($1, $2, $3)",
        [key.keyId, nonce, first.clock.now()],
      );
    });
    const refused = await sendSigned(first, key, {
      method: "PUT",
      route: `/v1/runs/${run}/clients/0/budget`,
      nonce,
      ...jsonOf({ samples: 10 }),
    });
    await expectProblem("replay", 401, refused);
    assert.deepEqual(await rejectsOf(first, run), [{ reason: "replay", client: 0, round: null }]);
  }));

Deno.test("clientOnly() lets a client act for itself alone, in its own run alone", () =>
  withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test);
    const other = await enrolledRun(test);
    const routes = [
      taskOf(run, 1),
      taskOf(other.run, 0),
      `/v1/runs/${run}/rounds/0/downloads/1?attempt=0`,
      `/v1/runs/${other.run}/manifest`,
      `/v1/runs/${other.run}/banks/latest`,
      taskOf(run, 0).replace("/0/", "/00/"),
    ];
    for (const route of routes) {
      const refused = await sendSigned(test, key, { method: "GET", route });
      const problem = await expectProblem("unauthorized", 403, refused);
      assert.equal(problem.reason, "wrong-client", route);
    }
    const update = await sendSigned(test, key, {
      method: "PUT",
      route: `/v1/runs/${run}/rounds/0/updates/an-update-of-client-1?attempt=0&client=1`,
      body: new Uint8Array(8),
    });
    await expectProblem("unauthorized", 403, update);
    assert.equal((await rejectsOf(test, run)).length, 7);
    assert.deepEqual(await rejectsOf(test, other.run), []);
  }));

Deno.test("clientOnly() refuses a client from its withdrawal on", () =>
  withMember(async (test) => {
    const { admin, run, key, route } = test;
    await adminRequest(admin, `/v1/runs/${run}/clients/0/withdraw`, { method: "POST" });
    assert.equal(test.ticks(), 1, "the round may go on without it");
    await expectProblem("withdrawn", 403, await sendSigned(test, key, { method: "GET", route }));
    assert.deepEqual(await rejectsOf(test, run), [
      { reason: "withdrawn", client: 0, round: null },
    ]);
  }));

Deno.test("clientOnly() refuses a request to read that was signed with a body", () =>
  withMember(async (test) => {
    const body = new Uint8Array(3);
    const refused = await sendSigned(test, test.key, { method: "GET", route: test.route, body });
    assert.equal((await expectProblem("malformed", 400, refused)).reason, "digest");
  }));

Deno.test("newcomerOnly() lets an enrolment pass that is signed with the key in its body", () =>
  withApp(async (test) => {
    const { run, invitation } = await invitedRun(test);
    const [key, other] = [await newKey(), await newKey()];
    const route = `/v1/runs/${run}/enrolments`;
    const document = { token: invitation.token, name: "a", publicKey: other.publicKey };
    const enrol = { method: "POST", route, ...jsonOf(document) };
    await expectProblem("bad-signature", 401, await sendSigned(test, key, enrol));
    await expectProblem("unauthorized", 401, await test.fetch(route, { method: "POST" }));
    const answer = await sendSigned(test, other, enrol);
    assert.deepEqual(await answer.json(), { client: 0, role: "client" });
    const again = await sendSigned(test, other, enrol);
    assert.deepEqual(await again.json(), { client: 0, role: "client" }, "a retry");
    const stolen = jsonOf({ ...document, publicKey: key.publicKey });
    await expectProblem(
      "bad-invitation",
      403,
      await sendSigned(test, key, { ...enrol, ...stolen }),
    );
  }));

Deno.test("newcomerOnly() refuses an enrolment that is sent again or altered", () =>
  withApp(async (test) => {
    const { run, invitation } = await invitedRun(test);
    const key = await newKey();
    const request = {
      method: "POST",
      route: `/v1/runs/${run}/enrolments`,
      nonce: newNonce(),
      ...jsonOf({ token: invitation.token, name: "a", publicKey: key.publicKey }),
    };
    const sends = new TextDecoder().decode(request.body).replace('"a"', '"b"');
    const altered = await sendSigned(test, key, { ...request, sends });
    assert.equal((await expectProblem("malformed", 400, altered)).reason, "digest");
    await expectStatus(200, await sendSigned(test, key, request));
    await expectProblem("replay", 401, await sendSigned(test, key, request));
  }));

async function invitedRun(test: TestApp) {
  const { run, invitations: [invitation] } = await createTinyRun(test.admin);
  return { run, invitation };
}
