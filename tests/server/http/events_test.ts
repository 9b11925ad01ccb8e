import assert from "node:assert/strict";
import type { RunStatus } from "../../../src/protocol/http/documents.ts";
import { createTinyRun } from "../tiny_run.ts";
import { turn, until } from "./fake_clock.ts";
import {
  adminToken,
  enrolledRun,
  expectStatus,
  jsonOf,
  newKey,
  sendSigned,
  type TestApp,
  withApp,
} from "./support.ts";

const headers = { authorization: `Bearer ${adminToken}` };

/** Opens a run's events and collects what comes. */
async function openEvents(test: TestApp, run: string) {
  const response = await test.fetch(`/v1/runs/${run}/events`, { headers });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const texts: string[] = [];
  const stream = { texts, ended: false, close: () => reader.cancel() };
  (async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      texts.push(value);
    }
    stream.ended = true;
  })();
  return stream;
}

function statusIn(text: string): RunStatus {
  const [, data] = /^event: status\ndata: (.*)\n\n$/.exec(text) ?? [];
  assert.ok(data, text);
  return JSON.parse(data);
}

async function enrolOne(test: TestApp, run: string, client: number, token: string) {
  const key = await newKey();
  const enrolled = await sendSigned(test, key, {
    method: "POST",
    route: `/v1/runs/${run}/enrolments`,
    ...jsonOf({ token, name: `client ${client}`, publicKey: key.publicKey }),
  });
  await expectStatus(200, enrolled);
}

Deno.test("eventStream() tells the status at the start and after each change", () =>
  withApp(async (test) => {
    const { run, invitations } = await createTinyRun(test.admin);
    const stream = await openEvents(test, run);
    await test.clock.advance(0);
    await until(() => stream.texts.length === 1);
    assert.equal(statusIn(stream.texts[0]).seats[0].state, "invited");
    await test.clock.advance(1000);
    await enrolOne(test, run, 0, invitations[0].token);
    await turn();
    await test.clock.advance(500);
    await until(() => stream.texts.length === 2);
    const status = statusIn(stream.texts[1]);
    assert.equal(status.seats[0].state, "enrolled");
    assert.ok(status.revision > statusIn(stream.texts[0]).revision);
    await stream.close();
  }));

Deno.test("createStatusFeeds() tells at most two changes a second, and the last one always", () =>
  withApp(async (test) => {
    const { run, invitations } = await createTinyRun(test.admin);
    const stream = await openEvents(test, run);
    await test.clock.advance(0);
    await until(() => stream.texts.length === 1);
    for (const { client, token } of invitations) {
      await enrolOne(test, run, client, token);
      await turn();
    }
    await test.clock.advance(499);
    await turn();
    assert.equal(stream.texts.length, 1);
    await test.clock.advance(1);
    await until(() => stream.texts.length === 2);
    const { seats } = statusIn(stream.texts[1]);
    assert.deepEqual(seats.map(({ state }) => state), ["enrolled", "enrolled", "enrolled"]);
    await stream.close();
  }));

Deno.test("createStatusFeeds() tells of progress, which has no revision", () =>
  withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test, { ready: true });
    const download = `/v1/runs/${run}/rounds/0/downloads/0?attempt=0`;
    await expectStatus(200, await sendSigned(test, key, { method: "GET", route: download }));
    const stream = await openEvents(test, run);
    await test.clock.advance(0);
    await until(() => stream.texts.length === 1);
    const progress = { round: 0, attempt: 0, step: 1, steps: 2 };
    const noted = await sendSigned(test, key, {
      method: "PUT",
      route: `/v1/runs/${run}/clients/0/progress`,
      ...jsonOf(progress),
    });
    await expectStatus(204, noted);
    // Looks take turns of their own, and each puts the next one off.
    for (let i = 0; i < 10 && stream.texts.length === 1; i++) await test.clock.advance(500);
    assert.deepEqual(statusIn(stream.texts[1]).seats[0].progress, progress);
    for (let i = 0; i < 10; i++) await test.clock.advance(500);
    assert.equal(stream.texts.length, 2, "nothing is told twice");
    await stream.close();
  }));

Deno.test("createStatusFeeds() reads a status once for all who follow the run", () =>
  withApp(async (test) => {
    const { run } = await createTinyRun(test.admin);
    const streams = [await openEvents(test, run), await openEvents(test, run)];
    let reads = 0;
    const { query } = test.db;
    test.db.query = (sql, parameters) => {
      if (sql.includes("FROM reject_counts WHERE run = $1 GROUP BY")) reads++;
      return query(sql, parameters);
    };
    await test.clock.advance(0);
    await until(() => streams.every(({ texts }) => texts.length === 1));
    assert.equal(reads, 1);
    const late = await openEvents(test, run);
    await test.clock.advance(0);
    await until(() => late.texts.length === 1);
    assert.deepEqual(streams.map(({ texts }) => texts.length), [1, 1], "no news to them");
    for (const stream of [...streams, late]) await stream.close();
  }));

Deno.test("eventStream() says that it is alive when there is no news", () =>
  withApp(async (test) => {
    const { run } = await createTinyRun(test.admin);
    const stream = await openEvents(test, run);
    await test.clock.advance(0);
    await until(() => stream.texts.length === 1);
    await test.clock.advance(14_999);
    await turn();
    assert.equal(stream.texts.length, 1);
    await test.clock.advance(1);
    await until(() => stream.texts.length === 2);
    assert.match(stream.texts[1], /^: .*\n\n$/);
    await stream.close();
  }));

Deno.test("eventStream() leaves nothing behind when its reader goes, and ends with the server", () =>
  withApp(async (test) => {
    const { run } = await createTinyRun(test.admin);
    const stream = await openEvents(test, run);
    await test.clock.advance(0);
    await until(() => stream.texts.length === 1);
    assert.equal(test.watch.waiting, 1);
    await stream.close();
    assert.equal(test.watch.waiting, 0);
    assert.equal(test.clock.pending, 0);

    const last = await openEvents(test, run);
    test.drain();
    await until(() => last.ended);
    assert.equal(test.watch.waiting, 0);
    assert.equal(test.clock.pending, 0);
  }));

Deno.test("addLiveRoutes() answer a question for the headers of events without a stream", () =>
  withApp(async (test) => {
    const { run } = await createTinyRun(test.admin);
    const head = await test.fetch(`/v1/runs/${run}/events`, { method: "HEAD", headers });
    assert.equal(head.headers.get("content-type"), "text/event-stream");
    assert.equal(test.watch.waiting, 0);
  }));
