import assert from "node:assert/strict";
import fc from "fast-check";
import { maskedCount, maskRow } from "../../src/pretrain/masking.ts";
import { randomStream } from "../../src/protocol/random.ts";

const [START, END, MASK, V] = [2, 3, 4, 1000];
const special = new Set([0, 1, START, END, MASK]);
const tokens = { mask: MASK, vocabulary: V, special };

/** A row of `length` ordinary tokens between a start and an end. */
function rowOf(length: number, seed: number): Uint32Array {
  const random = randomStream(seed, "row");
  const text = Array.from({ length }, () => 5 + random.integer(V - 5));
  return Uint32Array.of(START, ...text, END);
}

Deno.test("maskRow() masks four in five, replaces one in ten and keeps one in ten", () => {
  const counts = { masked: 0, kept: 0, replaced: 0 };
  for (let seed = 0; seed < 400; seed++) {
    const before = rowOf(126, seed);
    const row = before.slice();
    const { places, labels } = maskRow(row, 19, tokens, randomStream(seed, "masks"));
    assert.deepEqual(labels, places.map((place) => before[place]));
    for (const place of places) {
      if (row[place] === MASK) counts.masked++;
      else if (row[place] === before[place]) counts.kept++;
      else counts.replaced++;
    }
    const others = [...row.keys()].filter((place) => !places.includes(place));
    assert.ok(others.every((place) => row[place] === before[place]), "the rest stays");
  }
  const total = 400 * 19;
  assert.equal(counts.masked + counts.kept + counts.replaced, total);
  // Four standard deviations of a share of 7,600 draws: 0.018 at 0.8, 0.014 at 0.1.
  assert.ok(Math.abs(counts.masked / total - 0.8) < 0.018, `${counts.masked} masked`);
  assert.ok(Math.abs(counts.replaced / total - 0.1) < 0.014, `${counts.replaced} replaced`);
  assert.ok(Math.abs(counts.kept / total - 0.1) < 0.014, `${counts.kept} kept`);
});

Deno.test("maskRow() predicts every place equally often", () => {
  const hits = new Uint32Array(22);
  for (let seed = 0; seed < 4000; seed++) {
    maskRow(rowOf(20, seed), 3, tokens, randomStream(seed, "masks")).places
      .forEach((place) => hits[place]++);
  }
  const inner = hits.subarray(1, -1);
  assert.ok(inner.every((count) => Math.abs(count - 600) < 100), `${inner}`);
});

Deno.test("maskRow() neither predicts special tokens nor draws them", () => {
  const rows = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(rows, fc.integer({ min: 1, max: 50 }), fc.nat(), (ids, count, seed) => {
    const row = Uint32Array.from(ids);
    const { places, labels } = maskRow(
      row,
      count,
      { ...tokens, vocabulary: 10 },
      randomStream(seed),
    );
    const candidates = ids.filter((id) => !special.has(id)).length;
    assert.equal(places.length, Math.min(count, candidates));
    assert.deepEqual(places, [...new Set(places)].sort((x, y) => x - y), "in order, each once");
    assert.ok(labels.every((label) => !special.has(label)));
    places.forEach((place) => assert.ok(row[place] === MASK || !special.has(row[place])));
  }));
});

Deno.test("maskRow() repeats itself with the same stream", () => {
  const mask = () => {
    const row = rowOf(30, 1);
    return { row, ...maskRow(row, 5, tokens, randomStream(7)) };
  };
  assert.deepEqual(mask(), mask());
});

Deno.test("maskedCount() rounds the rate's share and is at least 1", () => {
  assert.deepEqual([126, 10, 3, 1].map((length) => maskedCount(length, 0.15)), [19, 2, 1, 1]);
});
