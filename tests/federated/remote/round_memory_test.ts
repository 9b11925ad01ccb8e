import assert from "node:assert/strict";
import { keepPending, readPending } from "../../../src/federated/remote/pending_update.ts";
import { recallBefore, remember } from "../../../src/federated/remote/round_memory.ts";
import { memoryStore } from "./memory_store.ts";

const scoresOf = (value: number) => ({ scores: [Float64Array.of(value, 0.1)] });

async function recalled(store: ReturnType<typeof memoryStore>, round: number) {
  return (await recallBefore(store, round)).scores?.[0][0];
}

Deno.test("recallBefore() gives the memory of the last round before", async () => {
  const store = memoryStore();
  assert.deepEqual(await recallBefore(store, 0), {});
  await remember(store, 0, scoresOf(10));
  await remember(store, 3, scoresOf(13));
  assert.equal(await recalled(store, 4), 13);
  assert.equal(await recalled(store, 9), 13);
  assert.equal(await recalled(store, 3), 10);
  assert.equal(await recalled(store, 0), undefined);
});

Deno.test("remember() replaces a round's memory when it was repeated, and keeps the one before", async () => {
  const store = memoryStore();
  await remember(store, 0, scoresOf(10));
  await remember(store, 1, scoresOf(11));
  await remember(store, 1, scoresOf(12));
  assert.equal(await recalled(store, 2), 12);
  assert.equal(await recalled(store, 1), 10);
});

Deno.test("a memory comes back exactly", async () => {
  const store = memoryStore();
  const memory = {
    scores: [Float64Array.of(Math.PI, 1e-300), Float64Array.of(0, 1 / 3)],
    optimizer: {
      steps: Uint32Array.of(1, 2, 3),
      moments: Float32Array.of(0.1, -0.2),
      sensitivity: Float32Array.of(1e-20, 5),
    },
  };
  await remember(store, 0, memory);
  assert.deepEqual(await recallBefore(store, 1), memory);
});

Deno.test("remember() of nothing keeps nothing", async () => {
  const files = new Map<string, Uint8Array>();
  await remember(memoryStore(files), 0, {});
  assert.equal(files.size, 0);
});

Deno.test("a pending update comes back exactly", async () => {
  const store = memoryStore();
  assert.equal(await readPending(store), undefined);
  const pending = {
    id: "abc_DEF-123456789",
    round: 4,
    attempt: 1,
    update: new Uint8Array([1, 2, 3]),
    memory: { scores: [Float64Array.of(0.1)], optimizer: undefined },
  };
  await keepPending(store, pending);
  assert.deepEqual(await readPending(store), pending);
});
