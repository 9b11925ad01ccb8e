import assert from "node:assert/strict";
import { sha256, sha256Hex } from "../../src/protocol/hash.ts";

Deno.test("sha256Hex() equals the published digest of abc", async () => {
  const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(await sha256Hex(new TextEncoder().encode("abc")), expected);
});

Deno.test("sha256() digests a view on shared memory", async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set([97, 98, 99]);
  const digest = await sha256(shared);
  assert.deepEqual([digest.length, digest[0], digest[31]], [32, 0xba, 0xad]);
});
