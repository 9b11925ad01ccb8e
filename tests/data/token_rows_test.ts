import assert from "node:assert/strict";
import fc from "fast-check";
import { countPredictions, type TokenizedText, tokenRows } from "../../src/data/token_rows.ts";

/** Tokens that are all different, so that a row tells where each comes from. */
function textsOf(lengths: readonly number[]): TokenizedText[] {
  let next = 0;
  return lengths.map((length) => ({
    ids: Uint32Array.from({ length }, () => next++),
    learned: new Uint8Array(length).fill(1),
  }));
}

const shapes = fc.record({
  lengths: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 12 }),
  T: fc.integer({ min: 2, max: 16 }),
  packed: fc.boolean(),
});

Deno.test("tokenRows() predicts every token but a text's first once, from the one before it", () => {
  fc.assert(fc.property(shapes, ({ lengths, T, packed }) => {
    const texts = textsOf(lengths);
    const starts = new Set(texts.flatMap(({ ids }) => [...ids.slice(0, 1)]));
    const expected = texts.flatMap(({ ids }) => [...ids]).filter((id) => !starts.has(id));
    const predicted: number[] = [];
    for (const { ids, documents, learned } of tokenRows(texts, T, { packed })) {
      assert.ok(ids.length <= T);
      learned.forEach((flag, t) => {
        if (flag === 0) return;
        assert.equal(ids[t - 1], ids[t] - 1);
        assert.equal(documents[t - 1], documents[t]);
        predicted.push(ids[t]);
      });
    }
    assert.deepEqual(predicted.sort((x, y) => x - y), expected);
  }));
});

Deno.test("tokenRows() numbers documents from 1 on, each in one piece", () => {
  fc.assert(fc.property(shapes, ({ lengths, T, packed }) => {
    for (const { ids, documents } of tokenRows(textsOf(lengths), T, { packed })) {
      assert.equal(documents[0], 1);
      for (let t = 1; t < ids.length; t++) {
        const next = documents[t] - documents[t - 1];
        // Within a document tokens follow each other.
        assert.ok(next === 1 || (next === 0 && ids[t] === ids[t - 1] + 1));
      }
      if (!packed) assert.equal(documents.at(-1), 1);
    }
  }));
});

Deno.test("tokenRows() packs texts into fewer rows, none of which two could share", () => {
  fc.assert(fc.property(shapes, ({ lengths, T }) => {
    const rows = tokenRows(textsOf(lengths), T, { packed: true });
    const single = tokenRows(textsOf(lengths), T, { packed: false });
    assert.ok(rows.length <= single.length);
    const sizes = rows.map(({ ids }) => ids.length).sort((x, y) => x - y);
    if (sizes.length > 1) assert.ok(sizes[0] + sizes[1] > T);
  }));
});

Deno.test("tokenRows() leaves out pieces without a learned token, and tokens that are only context", () => {
  const text = {
    ids: Uint32Array.of(1, 2, 3, 4, 5, 6, 7),
    learned: Uint8Array.of(1, 0, 0, 0, 0, 1, 0),
  };
  const [row, ...others] = tokenRows([text], 4, { packed: true });
  assert.deepEqual(others, []);
  assert.deepEqual([...row.ids], [4, 5, 6, 7]);
  assert.deepEqual([...row.learned], [0, 0, 1, 0]);
  assert.equal(countPredictions(row), 1);
});

Deno.test("tokenRows() refuses rows in which nothing can be predicted", () => {
  assert.throws(() => tokenRows([], 1, { packed: true }), /rows of 1 tokens: expected at least 2/);
});
