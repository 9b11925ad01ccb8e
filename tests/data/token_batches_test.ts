import assert from "node:assert/strict";
import { makeTokenBatch } from "../../src/data/token_batches.ts";
import { tokenRows } from "../../src/data/token_rows.ts";

const text = (...ids: number[]) => ({
  ids: Uint32Array.from(ids),
  learned: new Uint8Array(ids.length).fill(1),
});

Deno.test("makeTokenBatch() places documents, predictions and padding", () => {
  const rows = [
    ...tokenRows([text(1, 2, 3), text(4, 5)], 5, { packed: true }),
    ...tokenRows([{ ids: Uint32Array.of(6, 7, 8), learned: Uint8Array.of(1, 0, 1) }], 5, {
      packed: true,
    }),
  ];
  assert.deepEqual(makeTokenBatch(rows, 3, [4, 6], 9, 0.25), {
    B: 3,
    T: 6,
    ids: Uint32Array.of(1, 2, 3, 4, 5, 9, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9),
    mask: Uint32Array.of(1, 1, 1, 2, 2, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    positions: Uint32Array.of(0, 1, 2, 0, 1, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    places: Uint32Array.of(0, 1, 3, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    labels: Uint32Array.of(2, 3, 5, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    weights: Float32Array.of(0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    predictions: 4,
  });
});

Deno.test("makeTokenBatch() refuses no rows, too many, and too long ones", () => {
  const [row] = tokenRows([text(1, 2, 3)], 3, { packed: true });
  assert.throws(() => makeTokenBatch([], 2, [3], 0, 1), /expected 1 to 2 rows, got 0/);
  assert.throws(() => makeTokenBatch([row, row], 1, [3], 0, 1), /got 2/);
  assert.throws(() => makeTokenBatch([row], 1, [2], 0, 1), RangeError);
});
