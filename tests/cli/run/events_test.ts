import assert from "node:assert/strict";
import fc from "fast-check";
import { readEvents } from "../../../src/cli/run/events.ts";

function streamOf(parts: readonly Uint8Array<ArrayBuffer>[]) {
  return ReadableStream.from(parts) as ReadableStream<Uint8Array<ArrayBuffer>>;
}

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("readEvents() reads names, data of several lines, and passes over comments", async () => {
  const text =
    ": hello\n\nevent: status\ndata: {}\n\ndata:a\ndata: b\nid: 7\n\nevent: none\n\ndata\n\n" +
    "data: cut off";
  assert.deepEqual(await Array.fromAsync(readEvents(streamOf([encode(text)]))), [
    { event: "status", data: "{}" },
    { event: "message", data: "a\nb" },
    { event: "message", data: "" },
  ]);
});

Deno.test("readEvents() does not depend on where the stream is cut or how lines end", async () => {
  const lines = ["event: status", 'data: {"name":"Zoë: 1"}', "", ": beat", "", "data: x", "", ""];
  const property = fc.asyncProperty(
    fc.constantFrom("\n", "\r\n", "\r"),
    fc.array(fc.nat(60), { maxLength: 6 }),
    async (end, cuts) => {
      const bytes = encode(lines.join(end));
      const places = [0, ...cuts.sort((x, y) => x - y), bytes.length];
      const parts = places.slice(1).map((to, i) => bytes.slice(places[i], to));
      const events = await Array.fromAsync(readEvents(streamOf(parts)));
      assert.deepEqual(events[0], { event: "status", data: '{"name":"Zoë: 1"}' });
      // A carriage return at the very end may be half of a line break, so that the last event is not over.
      assert.equal(events.length, end === "\r" ? 1 : 2);
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

Deno.test("readEvents() tells of every piece that arrives, comments too", async () => {
  let pieces = 0;
  const stream = streamOf([encode(": beat\n\n"), encode(": beat\n\n")]);
  assert.deepEqual(await Array.fromAsync(readEvents(stream, () => pieces++)), []);
  assert.equal(pieces, 2);
});
