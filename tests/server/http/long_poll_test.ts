import assert from "node:assert/strict";
import { adminRequest, tinyManifest } from "../tiny_run.ts";
import { makeUpdate } from "../made_up_update.ts";
import { turn, until } from "./fake_clock.ts";
import { enrolledRun, jsonOf, sendSigned, type TestApp, withApp } from "./support.ts";

type Enrolled = Awaited<ReturnType<typeof enrolledRun>>;

/** Asks for a client's task and waits; `settled` tells whether there is an answer. */
function ask(
  test: TestApp,
  { run, members }: Enrolled,
  client: number,
  wait: number,
  signal?: AbortSignal,
) {
  const poll = { answer: undefined as unknown, settled: false };
  const answered = sendSigned(test, members[client].key, {
    method: "GET",
    route: `/v1/runs/${run}/clients/${client}/task?wait=${wait}`,
    ...(signal && { signal }),
  }).then(async (response) => {
    poll.answer = await response.json();
    poll.settled = true;
  });
  return Object.assign(poll, { answered });
}

async function setBudget(test: TestApp, { run, members }: Enrolled, client: number) {
  const response = await sendSigned(test, members[client].key, {
    method: "PUT",
    route: `/v1/runs/${run}/clients/${client}/budget`,
    ...jsonOf({ samples: 10 }),
  });
  assert.equal(response.status, 200);
}

Deno.test("longPoll() answers at once when there is something to do", () =>
  withApp(async (test) => {
    const enrolled = await enrolledRun(test, { ready: true });
    const poll = ask(test, enrolled, 0, 25);
    await poll.answered;
    assert.equal((poll.answer as { kind: string }).kind, "train");
    assert.equal(test.watch.waiting, 0);
    assert.equal(test.clock.pending, 0);
  }));

Deno.test("longPoll() waits until a commit of this process brings something to do", () =>
  withApp(async (test) => {
    const enrolled = await enrolledRun(test);
    await setBudget(test, enrolled, 0);
    const poll = ask(test, enrolled, 0, 25);
    await until(() => test.watch.waiting === 1);
    await setBudget(test, enrolled, 1);
    await turn();
    assert.equal(poll.settled, false, "a third client is missing");
    await setBudget(test, enrolled, 2);
    await poll.answered;
    assert.deepEqual((poll.answer as { kind: string; round: number }).round, 0);
    assert.equal(test.watch.waiting, 0);
    assert.equal(test.clock.pending, 0, "no timer is left");
  }));

Deno.test("longPoll() hears of other processes' commits at the next look", () =>
  withApp(async (test) => {
    const enrolled = await enrolledRun(test, { ready: true });
    const { run, members } = enrolled;
    await deliver(test, enrolled, 0);
    const poll = ask(test, enrolled, 0, 25);
    await until(() => test.watch.waiting === 1);
    await test.clock.advance(3000);
    await turn();
    assert.equal(poll.settled, false);
    // As another process would: behind this one's back.
    await test.db.transaction("stop-run", async (transaction) => {
      await transaction.query("UPDATE runs SET state = 'stopped' WHERE id = $1", [run]);
    });
    await turn();
    assert.equal(poll.settled, false, "nobody has looked yet");
    await test.clock.advance(1000);
    await poll.answered;
    assert.deepEqual(poll.answer, { kind: "stopped", rounds: 0 });
    assert.equal(members.length, 3);
  }));

Deno.test("longPoll() says that there is nothing when its time is up", () =>
  withApp(async (test) => {
    const enrolled = await enrolledRun(test);
    const poll = ask(test, enrolled, 0, 25);
    await until(() => test.watch.waiting === 1);
    await test.clock.advance(24_999);
    await turn();
    assert.equal(poll.settled, false);
    await test.clock.advance(1);
    await poll.answered;
    assert.deepEqual(poll.answer, { kind: "wait", reason: "clients" });
    assert.equal(test.clock.pending, 0);
  }));

Deno.test("longPoll() waits no longer than the server allows, and not at all when not asked to", () =>
  withApp(async (test) => {
    const enrolled = await enrolledRun(test);
    const long = ask(test, enrolled, 0, 4000);
    await until(() => test.watch.waiting === 1);
    await test.clock.advance(55_000);
    await long.answered;
    await ask(test, enrolled, 0, 0).answered;
  }));

Deno.test("longPoll() forgets a caller that has gone", () =>
  withApp(async (test) => {
    const enrolled = await enrolledRun(test);
    const gone = new AbortController();
    const poll = ask(test, enrolled, 0, 25, gone.signal);
    await until(() => test.watch.waiting === 1);
    gone.abort();
    await poll.answered;
    assert.equal(test.watch.waiting, 0);
    assert.equal(test.clock.pending, 0);
  }));

Deno.test("longPoll() tells a client that waits of its withdrawal", () =>
  withApp(async (test) => {
    const enrolled = await enrolledRun(test);
    const poll = ask(test, enrolled, 0, 25);
    await until(() => test.watch.waiting === 1);
    const withdraw = `/v1/runs/${enrolled.run}/clients/0/withdraw`;
    await adminRequest(test.admin, withdraw, { method: "POST" });
    await poll.answered;
    assert.equal((poll.answer as { type: string }).type, "urn:hafl:problem:withdrawn");
  }));

Deno.test("longPoll() answers everyone when the server is about to end", () =>
  withApp(async (test) => {
    const enrolled = await enrolledRun(test);
    const polls = [0, 1, 2].map((client) => ask(test, enrolled, client, 25));
    await until(() => test.watch.waiting === 3);
    test.drain();
    for (const poll of polls) {
      await poll.answered;
      assert.deepEqual(poll.answer, { kind: "wait", reason: "clients" });
    }
    const late = ask(test, enrolled, 0, 25);
    await late.answered;
    assert.equal((late.answer as { type: string }).type, "urn:hafl:problem:busy");
  }));

Deno.test("longPoll() asks the database again when a task can have changed, not at every update", () =>
  withApp(async (test) => {
    const enrolled = await enrolledRun(test, { manifest: tinyManifest({ seats: 4 }), ready: true });
    const { run } = enrolled;
    await deliver(test, enrolled, 0);
    const poll = ask(test, enrolled, 0, 25);
    await until(() => test.watch.waiting === 1);
    await test.clock.advance(1000);
    await turn();
    let questions = 0;
    const { query } = test.db;
    test.db.query = (sql, parameters) => {
      if (sql.includes("FROM seats") && parameters?.includes(0)) questions++;
      return query(sql, parameters);
    };
    const before = questions;
    await test.db.transaction("audit", async (transaction) => {
      await transaction.query("UPDATE runs SET revision = revision + 1 WHERE id = $1", [run]);
    });
    test.service.changed(run);
    await test.clock.advance(3000);
    await turn();
    assert.equal(questions, before, "the revision alone is no reason");
    for (const client of [1, 2, 3]) await deliver(test, enrolled, client);
    await test.tick();
    await poll.answered;
    assert.ok(questions > before);
    assert.equal((poll.answer as { round: number }).round, 1);
    const status = await (await adminRequest(test.admin, `/v1/runs/${run}`)).json();
    assert.equal(status.roundsDone, 1);
  }));

async function deliver(test: TestApp, { run, members, manifest }: Enrolled, client: number) {
  const { key } = members[client];
  const place = `/v1/runs/${run}/rounds/0`;
  const download = await sendSigned(test, key, {
    method: "GET",
    route: `${place}/downloads/${client}?attempt=0`,
  });
  const update = await sendSigned(test, key, {
    method: "PUT",
    route: `${place}/updates/an-update-of-client-${client}?attempt=0&client=${client}`,
    body: makeUpdate(manifest, await download.bytes()),
  });
  assert.equal(update.status, 200, await update.text());
}
