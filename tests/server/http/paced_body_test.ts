import assert from "node:assert/strict";
import { pacedBody } from "../../../server/http/paced_body.ts";
import { createFakeClock, turn } from "./fake_clock.ts";

const MiB = 2 ** 20;

/** A body of pieces of a MiB each, with what becomes of it. */
function bodyOf(pieces: number, pace: object = {}) {
  const clock = createFakeClock();
  const seen = { made: 0, sent: 0, ended: 0, left: false };
  function* make(): Generator<Uint8Array> {
    try {
      for (let n = 0; n < pieces; n++) {
        seen.made++;
        yield new Uint8Array(MiB).fill(n);
      }
    } finally {
      seen.left = true;
    }
  }
  const body = pacedBody(make(), {
    pace: { idleMs: 1000, graceMs: 10_000, bytesPerSecond: MiB, ...pace },
    clock,
    onSent: (bytes) => seen.sent += bytes,
    onEnd: () => seen.ended++,
  });
  return { clock, seen, body };
}

Deno.test("pacedBody() sends everything in slices, each piece made when it is asked for", async () => {
  const { clock, seen, body } = bodyOf(3);
  await turn();
  assert.equal(seen.made, 0);
  const reader = body.getReader();
  const first = await reader.read();
  assert.equal(first.value?.length, 64 * 1024);
  assert.deepEqual(seen, { made: 1, sent: 64 * 1024, ended: 0, left: false });
  let [length, last] = [first.value!.length, 0];
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += part.value.length;
    last = part.value[0];
  }
  assert.deepEqual([length, last], [3 * MiB, 2]);
  assert.deepEqual(seen, { made: 3, sent: 3 * MiB, ended: 1, left: true });
  assert.equal(clock.pending, 0);
});

Deno.test("pacedBody() gives up on a reader that never begins, and on one that stops", async () => {
  for (const reads of [0, 2]) {
    const { clock, seen, body } = bodyOf(1);
    const reader = body.getReader();
    for (let n = 0; n < reads; n++) await reader.read();
    await clock.advance(999);
    assert.equal(seen.ended, 0);
    await clock.advance(1);
    assert.equal(seen.ended, 1);
    await assert.rejects(reader.read(), /Cannot wait any longer/);
    await turn();
    assert.deepEqual([seen.left, clock.pending], [reads > 0, 0], "nothing is held");
  }
});

Deno.test("pacedBody() gives up on a reader that crawls", async () => {
  // 10 s are free, and each slice buys a sixteenth of a second.
  const { clock, seen, body } = bodyOf(100);
  const reader = body.getReader();
  let seconds = 0;
  while (seen.ended === 0 && seconds < 100) {
    await reader.read();
    await clock.advance(900);
    seconds += 0.9;
  }
  assert.ok(seconds > 10 && seconds < 11.8, `${seconds}`);
  await assert.rejects(reader.read());
});

Deno.test("pacedBody() ends once when its reader leaves, also while a piece is made", async () => {
  const { clock, seen, body } = bodyOf(3);
  const reader = body.getReader();
  await reader.read();
  await reader.cancel();
  assert.deepEqual([seen.ended, clock.pending], [1, 0]);

  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  let ended = 0;
  const slow = pacedBody(ReadableStream.from([promise]), {
    pace: { idleMs: 1000, graceMs: 1000, bytesPerSecond: 1 },
    clock,
    onSent: () => assert.fail("nobody reads"),
    onEnd: () => ended++,
  }).getReader();
  const read = slow.read();
  await turn();
  await slow.cancel();
  resolve(new Uint8Array(1));
  assert.equal((await read).done, true);
  await turn();
  assert.deepEqual([ended, clock.pending], [1, 0]);
});

Deno.test("pacedBody() fails where what it is made from does", async () => {
  const clock = createFakeClock();
  let ended = 0;
  const pieces = ReadableStream.from((async function* () {
    yield new Uint8Array(1);
    await turn();
    throw new Error("the chunk is gone");
  })());
  const body = pacedBody(pieces, {
    pace: { idleMs: 1000, graceMs: 1000, bytesPerSecond: 1 },
    clock,
    onSent: () => {},
    onEnd: () => ended++,
  });
  await assert.rejects(new Response(body).bytes(), /the chunk is gone/);
  assert.deepEqual([ended, clock.pending], [1, 0]);
});
