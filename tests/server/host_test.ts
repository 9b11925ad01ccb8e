import assert from "node:assert/strict";
import { startHost } from "../../server/host.ts";
import { runStatus } from "../../server/runs/mod.ts";
import { openDatabase } from "../../server/store/open.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { createFakeClock, turn, until } from "./http/fake_clock.ts";
import { joinedRun, serviceOn, takePart } from "./runs/support.ts";
import { tinyManifest } from "./tiny_run.ts";

const adminToken = "the-administrator-of-a-host";
const route = `/v1/models/${"0a".repeat(32)}/files/weights.bin`;

/** A host on a free port, whose clock stands still. */
async function startTestHost(dataDir: string) {
  const clock = createFakeClock();
  const host = startHost({
    db: await openDatabase({ dataDir }),
    adminToken,
    hostname: "127.0.0.1",
    port: 0,
    log: () => {},
    clock,
    drainMs: 20_000,
  });
  return { clock, host };
}

/** Such a host, and an upload to it that is under way. */
async function withUpload(
  body: (test: {
    readonly clock: ReturnType<typeof createFakeClock>;
    readonly address: string;
    readonly answer: Promise<Response>;
    readonly writer: WritableStreamDefaultWriter<Uint8Array>;
    readonly abort: () => void;
    readonly drain: () => { drained: boolean; done: Promise<void> };
  }) => Promise<void>,
): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  const { clock, host } = await startTestHost(dataDir);
  try {
    // The two loops have done their first round.
    await until(() => clock.pending === 2);
    const { readable, writable } = new TransformStream<
      Uint8Array<ArrayBuffer>,
      Uint8Array<ArrayBuffer>
    >();
    const gone = new AbortController();
    const answer = fetch(host.address + route, {
      method: "PUT",
      headers: { authorization: `Bearer ${adminToken}` },
      body: readable,
      signal: gone.signal,
    });
    answer.catch(() => {});
    const writer = writable.getWriter();
    await writer.write(new Uint8Array(1000));
    await until(() => clock.pending === 3);
    await body({
      clock,
      address: host.address,
      answer,
      writer,
      abort: () => gone.abort(),
      drain() {
        const state = { drained: false, done: Promise.resolve() };
        state.done = host.drain().then(() => void (state.drained = true));
        return state;
      },
    });
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

Deno.test("startHost() lets an upload end before it drains", () =>
  withUpload(async ({ address, answer, writer, drain }) => {
    const state = drain();
    await turn();
    await writer.write(new Uint8Array(1000));
    assert.equal(state.drained, false);
    const other = await fetch(`${address}/v1/runs`);
    assert.equal(other.status, 503);
    await other.body?.cancel();
    await writer.close();
    assert.equal((await answer).status, 204);
    await state.done;
  }));

Deno.test("startHost() waits for an upload that hangs only so long", () =>
  withUpload(async ({ answer, writer, clock, abort, drain }) => {
    const state = drain();
    await clock.advance(19_999);
    await turn();
    assert.equal(state.drained, false);
    await clock.advance(1);
    await state.done;
    abort();
    await assert.rejects(answer);
    await writer.abort().catch(() => {});
  }));

Deno.test("startHost() cuts a reader off that has not taken its answer by the end", async () => {
  const dataDir = await Deno.makeTempDir();
  const { clock, host } = await startTestHost(dataDir);
  const authorization = `Bearer ${adminToken}`;
  // More than the system takes ahead of a reader.
  const body = new Uint8Array(16_000_000);
  const put = await fetch(host.address + route, {
    method: "PUT",
    headers: { authorization },
    body,
  });
  assert.equal(put.status, 204);
  const { hostname, port } = new URL(host.address);
  using socket = await Deno.connect({ hostname, port: Number(port) });
  const head = [`GET ${route} HTTP/1.1`, "host: localhost", `authorization: ${authorization}`];
  await socket.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`));
  // The two loops, and the watch over the reader.
  await until(() => clock.pending === 3);
  const draining = host.drain();
  await clock.advance(20_000);
  await draining;
  await until(() => clock.pending === 0);
  let length = 0;
  const part = new Uint8Array(2 ** 20);
  const read = () => socket.read(part).catch(() => null);
  for (let got = await read(); got !== null; got = await read()) length += got;
  assert.ok(length < body.length, `${length}`);
  await Deno.remove(dataDir, { recursive: true });
});

Deno.test("startHost() goes on with a run while another is aggregated, and waits for both before it drains", async () => {
  const dataDir = await Deno.makeTempDir();
  const db = await openDatabase({ dataDir });
  const service = serviceOn(db);
  const manifest = tinyManifest();
  const [slow, quick] = [
    await joinedRun(service, manifest),
    await joinedRun(service, manifest),
  ];
  for (const client of [0, 1, 2]) await takePart(service, slow, client, manifest);
  const read = Promise.withResolvers<void>();
  const clock = createFakeClock(service.clock.now);
  const host = startHost({
    db: {
      ...db,
      query: async (sql, parameters) => {
        const held = sql.startsWith("SELECT client, blob FROM updates") && parameters?.[0] === slow;
        if (held) await read.promise;
        return await db.query(sql, parameters);
      },
    },
    adminToken,
    hostname: "127.0.0.1",
    port: 0,
    log: () => {},
    clock,
  });
  const roundsOf = async (run: string) => (await runStatus(service, run)).roundsDone;
  await until(() => clock.pending === 2);
  for (const client of [0, 1, 2]) await takePart(service, quick, client, manifest);
  await clock.advance(1000);
  await until(async () => await roundsOf(quick) === 1);
  assert.equal(await roundsOf(slow), 0);
  let drained = false;
  const draining = host.drain().then(() => drained = true);
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.equal(drained, false);
  read.resolve();
  await draining;
  const again = await openDatabase({ dataDir });
  assert.equal((await runStatus(serviceOn(again), slow)).roundsDone, 1);
  await again.close();
  await Deno.remove(dataDir, { recursive: true });
});

Deno.test("startHost() says what is wrong with an address", async () => {
  const dataDir = await Deno.makeTempDir();
  const db = await openDatabase({ dataDir });
  const start = (hostname: string, tls?: { cert: string; key: string }) => () =>
    startHost({
      db,
      adminToken,
      hostname,
      port: 0,
      log: () => {},
      clock: createFakeClock(),
      ...(tls && { tls }),
    });
  const isUserError = (pattern: RegExp) => (error: unknown) =>
    error instanceof UserError && pattern.test(error.message);
  assert.throws(start("192.0.2.1"), isUserError(/no address of this machine/));
  assert.throws(
    start("127.0.0.1", { cert: "x", key: "y" }),
    isUserError(/--cert and --key: .*PEM/),
  );
  await db.close();
  await Deno.remove(dataDir, { recursive: true });
});
