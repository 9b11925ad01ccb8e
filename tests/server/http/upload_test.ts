import assert from "node:assert/strict";
import { CHUNK_BYTES } from "../../../server/store/blobs.ts";
import { newNonce } from "../../../src/protocol/http/request_signature.ts";
import { makeUpdate } from "../made_up_update.ts";
import { adminRequest, tinyManifest } from "../tiny_run.ts";
import { turn, until } from "./fake_clock.ts";
import {
  adminToken,
  enrolledRun,
  expectProblem,
  expectStatus,
  jsonOf,
  type Member,
  metricOf,
  rejectsOf,
  sendSigned,
  type TestApp,
  withApp,
} from "./support.ts";

interface Round {
  readonly run: string;
  readonly member: Member;
  readonly route: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A round in which client 0 has an update to deliver. */
async function openRound(test: TestApp): Promise<Round> {
  const manifest = tinyManifest();
  const { run, members: [member] } = await enrolledRun(test, { manifest, ready: true });
  const download = await sendSigned(test, member.key, {
    method: "GET",
    route: `/v1/runs/${run}/rounds/0/downloads/0?attempt=0`,
  });
  assert.equal(download.status, 200);
  const body = makeUpdate(manifest, await download.bytes());
  const route = `/v1/runs/${run}/rounds/0/updates/an-update-of-client-0?attempt=0&client=0`;
  return { run, member, route, body };
}

const safetensors = "application/octet-stream";

function put(test: TestApp, { member, route, body }: Round, changes: object = {}) {
  return sendSigned(test, member.key, {
    method: "PUT",
    route,
    type: safetensors,
    body,
    ...changes,
  });
}

async function countOf({ db }: TestApp, table: string): Promise<number> {
  const [{ count }] = await db.query<{ count: number }>(`SELECT COUNT(*) AS count FROM ${table}`);
  return count;
}

async function blobsOf(test: TestApp): Promise<[number, number]> {
  return [await countOf(test, "blobs"), await countOf(test, "blob_chunks")];
}

/** A body whose bytes come when a test says so. */
function slowBody() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  return { readable, writer: writable.getWriter() };
}

Deno.test("withUpload() takes an update, and the same one again as a retry", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    const up = 'hafl_body_bytes_total{direction="up"}';
    const before = await metricOf(test, up);
    const first = await put(test, round);
    assert.deepEqual(await first.json(), { update: "an-update-of-client-0", repeated: false });
    assert.equal(test.ticks(), 1);
    assert.equal(first.headers.get("connection"), "close");
    const again = await put(test, round);
    assert.deepEqual(await again.json(), { update: "an-update-of-client-0", repeated: true });
    assert.equal(await metricOf(test, "hafl_updates_accepted_total"), 1);
    assert.equal(await metricOf(test, up) - before, 2 * round.body.length);
  }));

Deno.test("withUpload() commits nothing of a body that is not the one that was signed", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    const before = await blobsOf(test);
    const sends = round.body.slice();
    sends[sends.length - 1] ^= 1;
    const problem = await expectProblem("malformed", 400, await put(test, round, { sends }));
    assert.equal(problem.reason, "digest");
    assert.equal(await countOf(test, "updates"), 0);
    assert.deepEqual(await blobsOf(test), before);
    assert.deepEqual(await rejectsOf(test, round.run), [{ reason: "digest", client: 0, round: 0 }]);
  }));

Deno.test("withUpload() takes no nonce twice, with the same and with another body", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    const nonce = newNonce();
    await expectStatus(200, await put(test, round, { nonce }));
    await expectProblem("replay", 401, await put(test, round, { nonce }));
    const body = round.body.slice();
    body[body.length - 1] ^= 1;
    await expectProblem("replay", 401, await put(test, round, { nonce, body }));
    assert.equal(await countOf(test, "updates"), 1);
  }));

Deno.test("withUpload() stops reading a body above its cap that does not say how long it is", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    const before = await blobsOf(test);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(64 * 1024));
      },
    }, { highWaterMark: 0 });
    const refused = await put(test, round, { sends: endless });
    assert.equal((await expectProblem("too-large", 413, refused)).reason, "too-large");
    assert.ok(pulled < 5, `${pulled} pieces read`);
    assert.deepEqual(await blobsOf(test), before);
    assert.equal((await rejectsOf(test, round.run))[0].reason, "too-large");
  }));

Deno.test("withUpload() reads nothing of a body that says it is above its cap", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    let pulled = false;
    const sends = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled = true;
        controller.close();
      },
    }, { highWaterMark: 0 });
    const refused = await put(test, round, { sends, headers: { "content-length": "99000000" } });
    await expectProblem("too-large", 413, refused);
    assert.equal(pulled, false);
  }));

Deno.test("withUpload() deletes what it stored of a body that ends early", () =>
  withApp(async (test) => {
    const before = await blobsOf(test);
    const { readable, writer } = slowBody();
    const answer = test.fetch(`/v1/models/${"0a".repeat(32)}/files/weights.bin`, {
      method: "PUT",
      headers: { authorization: `Bearer ${adminToken}` },
      body: readable,
    });
    await writer.write(new Uint8Array(CHUNK_BYTES + 1));
    await until(async () => (await blobsOf(test))[1] > before[1]);
    await writer.abort(new Error("the connection is gone"));
    const problem = await expectProblem("malformed", 400, await answer);
    assert.equal(problem.reason, "incomplete");
    assert.deepEqual(await blobsOf(test), before);
  }));

Deno.test("withUpload() refuses a body shorter than it says", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    const headers = { "content-length": String(round.body.length + 1) };
    const sends = ReadableStream.from([round.body]);
    const refused = await put(test, round, { sends, headers });
    assert.equal((await expectProblem("malformed", 400, refused)).reason, "incomplete");
    assert.equal(await countOf(test, "updates"), 0);
  }));

Deno.test("receiveBody() gives up on a body that stops", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    const { readable, writer } = slowBody();
    const answer = put(test, round, { sends: readable });
    await writer.write(round.body.subarray(0, 10));
    await until(() => test.clock.pending > 0);
    await test.clock.advance(19_999);
    await writer.write(round.body.subarray(10, 20));
    await turn();
    await test.clock.advance(20_000);
    const problem = await expectProblem("too-slow", 408, await answer);
    assert.match(String(problem.detail), /after 20 bytes/);
    assert.equal((await rejectsOf(test, round.run))[0].reason, "too-slow");
    assert.equal(test.clock.pending, 0);
  }, { limits: { receivePace: { idleMs: 20_000, graceMs: 60_000, bytesPerSecond: 1 } } }));

Deno.test("receiveBody() gives up on a small body that does not come whole in time", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    const { readable, writer } = slowBody();
    const headers = { "content-length": String(round.body.length) };
    const answer = put(test, round, { sends: readable, headers });
    await writer.write(round.body.subarray(0, -1));
    await until(() => test.clock.pending > 0);
    await test.clock.advance(20_000);
    assert.equal((await expectProblem("too-slow", 408, await answer)).reason, "too-slow");
    assert.equal(test.clock.pending, 0);
    await expectStatus(200, await put(test, round));
  }, { limits: { receivePace: { idleMs: 20_000, graceMs: 60_000, bytesPerSecond: 1 } } }));

Deno.test("receiveBody() gives up on a body that crawls", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    const { readable, writer } = slowBody();
    const answer = put(test, round, { sends: readable });
    let refused = false;
    answer.then(() => refused = true);
    let seconds = 0;
    while (!refused && seconds < 100) {
      await writer.write(new Uint8Array(1)).catch(() => {});
      await turn();
      await test.clock.advance(1000);
      await turn();
      seconds++;
    }
    await expectProblem("too-slow", 408, await answer);
    // 10 s are free, and each byte buys a tenth of a second.
    assert.equal(seconds, 12);
  }, { limits: { receivePace: { idleMs: 5000, graceMs: 10_000, bytesPerSecond: 10 } } }));

Deno.test("createSlots() sends a sender away that has its share, and all when none is left", () =>
  withApp(async (test) => {
    const { run, members } = await enrolledRun(test);
    const probe = (member: Member) => {
      const { readable, writer } = slowBody();
      const signed = { method: "POST", route: "/v1/probe", sends: readable };
      return { answer: sendSigned(test, member.key, signed), writer };
    };
    const pending = [probe(members[0]), probe(members[0]), probe(members[1])];
    await until(() => test.clock.pending === 3);
    const own = await sendSigned(test, members[0].key, { method: "POST", route: "/v1/probe" });
    const problem = await expectProblem("busy", 503, own);
    assert.match(String(problem.detail), /2 probes of this sender/);
    assert.equal(own.headers.get("retry-after"), "3");
    const last = probe(members[1]);
    await until(() => test.clock.pending === 4);
    const full = await sendSigned(test, members[2].key, { method: "POST", route: "/v1/probe" });
    assert.match(String((await expectProblem("busy", 503, full)).detail), /4 probes are/);
    for (const { answer, writer } of [...pending, last]) {
      await writer.close();
      await expectStatus(204, await answer);
    }
    await expectStatus(
      204,
      await sendSigned(test, members[2].key, { method: "POST", route: "/v1/probe" }),
    );
    assert.deepEqual(await rejectsOf(test, run), [], "busy is nobody's fault");
  }, { limits: { probes: { most: 4, perOwner: 2, waitMs: 0 } } }));

Deno.test("readJson() takes a body up to its cap, and the probe up to its own", () =>
  withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test);
    const route = `/v1/runs/${run}/clients/0/budget`;
    const budget = jsonOf({ samples: 10 });
    const padded = (length: number) => {
      const body = new Uint8Array(length).fill(0x20);
      body.set(budget.body);
      return sendSigned(test, key, { method: "PUT", route, type: budget.type, body });
    };
    await expectStatus(200, await padded(1000));
    await expectProblem("too-large", 413, await padded(1001));
    const probe = (length: number) =>
      sendSigned(test, key, { method: "POST", route: "/v1/probe", body: new Uint8Array(length) });
    await expectStatus(204, await probe(2000));
    await expectProblem("too-large", 413, await probe(2001));
  }, { limits: { jsonBytes: 1000, probeBytes: 2000 } }));

Deno.test("withUpload() lets the administrator upload a bank once and again, and no other one", () =>
  withApp(async (test) => {
    const { run } = await enrolledRun(test);
    const bank = await adminRequest(test.admin, `/v1/runs/${run}/banks/0`);
    const body = new Uint8Array(await bank.arrayBuffer());
    const upload = { method: "PUT", headers: { authorization: `Bearer ${adminToken}` } };
    const route = `/v1/runs/${run}/bank`;
    await expectStatus(204, await test.fetch(route, { ...upload, body }));
    const before = await blobsOf(test);
    const other = body.slice();
    other[other.length - 1] ^= 1;
    await expectProblem("conflict", 409, await test.fetch(route, { ...upload, body: other }));
    assert.deepEqual(await blobsOf(test), before);
    await expectProblem(
      "not-found",
      404,
      await test.fetch("/v1/runs/nothing/bank", { ...upload, body }),
    );
  }));

Deno.test("withUpload() refuses an update that is none, and says why", () =>
  withApp(async (test) => {
    const round = await openRound(test);
    const noise = { body: new Uint8Array(100).fill(7) };
    const problem = await expectProblem("update-refused", 422, await put(test, round, noise));
    assert.equal(problem.reason, "malformed");
    assert.deepEqual(await rejectsOf(test, round.run), [
      { reason: "malformed", client: 0, round: 0 },
    ], "once");
    const route = round.route.replace("rounds/0", "rounds/1");
    const early = await expectProblem("conflict", 409, await put(test, { ...round, route }));
    assert.equal(early.reason, "wrong-round");
    assert.equal((await rejectsOf(test, round.run)).length, 2);
  }));
