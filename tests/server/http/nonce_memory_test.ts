import assert from "node:assert/strict";
import { createNonceMemory } from "../../../server/http/nonce_memory.ts";

const [a, b] = ["a".repeat(64), "b".repeat(64)];

Deno.test("createNonceMemory() tells a nonce that it has seen, key by key", () => {
  const nonces = createNonceMemory(1000, () => 0);
  assert.deepEqual([nonces.note(a, "x"), nonces.note(a, "x")], [true, false]);
  assert.ok(nonces.note(b, "x"));
  assert.ok(nonces.note(a, "y"));
});

Deno.test("createNonceMemory() remembers for its time at least, and twice as long at most", () => {
  let now = 0;
  const nonces = createNonceMemory(1000, () => now);
  now = 999;
  nonces.note(a, "x");
  for (now of [1000, 1500, 1998]) assert.equal(nonces.note(a, "x"), false, String(now));
  now = 2000;
  assert.ok(nonces.note(a, "x"));
  now = 10_000;
  assert.ok(nonces.note(a, "x"), "after a long silence nothing is left");
});

Deno.test("createNonceMemory() forgets the oldest when it has seen too many", () => {
  const nonces = createNonceMemory(1000, () => 0, 4);
  for (const nonce of ["1", "2", "3", "4"]) assert.ok(nonces.note(a, nonce));
  for (const nonce of ["1", "4"]) assert.equal(nonces.note(a, nonce), false);
  assert.ok(nonces.note(a, "5"));
  assert.ok(nonces.note(a, "1"));
  assert.equal(nonces.note(a, "4"), false);
});
