import assert from "node:assert/strict";
import {
  bucketFor,
  drawGroups,
  inGroups,
  makeBatch,
  maskedPoolingWeights,
} from "../../src/data/batches.ts";
import type { TokenizedSample } from "../../src/data/types.ts";
import { randomStream } from "../../src/protocol/random.ts";

function sample(label: number, ...ids: number[]): TokenizedSample {
  return { ids: Uint32Array.from(ids), label };
}

Deno.test("bucketFor() picks the smallest bucket that fits, in any order of buckets", () => {
  assert.deepEqual([0, 1, 4, 5, 8].map((length) => bucketFor(length, [8, 4])), [4, 4, 4, 8, 8]);
  assert.throws(() => bucketFor(9, [4, 8]), /Cannot place 9 tokens: expected at most 8/);
});

Deno.test("makeBatch() pads rows to the bucket and the batch to B rows of weight 0", () => {
  const batch = makeBatch([sample(2, 5, 6, 7), sample(1, 8)], 3, [4, 8], 9);
  assert.deepEqual(batch, {
    B: 3,
    T: 4,
    ids: Uint32Array.from([5, 6, 7, 9, 8, 9, 9, 9, 9, 9, 9, 9]),
    mask: Uint32Array.from([1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
    labels: Uint32Array.from([2, 1, 0]),
    weights: Float32Array.from([0.5, 0.5, 0]),
    rows: 2,
  });
});

Deno.test("makeBatch() fits the bucket to its longest sample", () => {
  assert.equal(makeBatch([sample(0, 1), sample(0, 1, 2, 3, 4, 5)], 2, [4, 8], 0).T, 8);
});

Deno.test("makeBatch() masks a real token that has the padding id", () => {
  assert.deepEqual([...makeBatch([sample(0, 9, 9)], 1, [3], 9).mask], [1, 1, 0]);
});

Deno.test("makeBatch() refuses no samples, too many, and too long ones", () => {
  assert.throws(() => makeBatch([], 2, [4], 0), /expected 1 to 2 samples, got 0/);
  assert.throws(() => makeBatch([sample(0), sample(0)], 1, [4], 0), /got 2/);
  assert.throws(() => makeBatch([sample(0, 1, 2)], 1, [1], 0), RangeError);
});

Deno.test("makeBatch() weighs rows as parts of a larger step", () => {
  assert.deepEqual([...makeBatch([sample(0, 1)], 2, [1], 0, 5).weights], [Math.fround(0.2), 0]);
});

Deno.test("inGroups() visits rows once, in order", () => {
  const groups = [...inGroups([0, 1, 2, 3, 4, 5, 6], 3)];
  assert.deepEqual(groups, [[0, 1, 2], [3, 4, 5], [6]]);
  assert.deepEqual([...inGroups([], 3)], []);
});

/** The first `epochs` epochs of seven rows. */
function drawn(seed: number, epochs: number): number[][] {
  const groups = drawGroups([0, 1, 2, 3, 4, 5, 6], 3, randomStream(seed, "batches"));
  return Array.from({ length: epochs }, () => [1, 2, 3].flatMap(() => groups.next().value));
}

Deno.test("drawGroups() visits all rows every epoch, in a new order", () => {
  const [first, second, third] = drawn(1, 3);
  for (const epoch of [first, second, third]) {
    assert.deepEqual([...epoch].sort(), [0, 1, 2, 3, 4, 5, 6]);
  }
  assert.notDeepEqual(first, second);
  assert.deepEqual(drawn(1, 3), [first, second, third], "the stream decides");
  assert.notDeepEqual(drawn(2, 1)[0], first);
});

Deno.test("drawGroups() refuses to draw from nothing", () => {
  assert.throws(() => drawGroups([], 3, randomStream(1)).next(), RangeError);
});

Deno.test("maskedPoolingWeights() weighs the tokens each pooling takes", () => {
  const batch = makeBatch([sample(0, 5, 6), sample(0, 7, 8, 9)], 3, [3], 0);
  const rows = (pooling: "mean" | "first" | "last"): number[] => [
    ...maskedPoolingWeights(batch, pooling),
  ];
  const third = Math.fround(1 / 3);
  assert.deepEqual(rows("mean"), [0.5, 0.5, 0, third, third, third, 0, 0, 0]);
  assert.deepEqual(rows("first"), [1, 0, 0, 1, 0, 0, 0, 0, 0]);
  assert.deepEqual(rows("last"), [0, 1, 0, 0, 0, 1, 0, 0, 0]);
});

Deno.test("maskedPoolingWeights() finds real tokens behind left padding", () => {
  const batch = { B: 1, T: 4, mask: Uint32Array.of(0, 1, 1, 0) };
  assert.deepEqual([...maskedPoolingWeights(batch, "mean")], [0, 0.5, 0.5, 0]);
  assert.deepEqual([...maskedPoolingWeights(batch, "first")], [0, 1, 0, 0]);
  assert.deepEqual([...maskedPoolingWeights(batch, "last")], [0, 0, 1, 0]);
});
