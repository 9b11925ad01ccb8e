import assert from "node:assert/strict";
import fc from "fast-check";
import { truncated } from "../../src/data/encodings.ts";
import { encodeAll, type TokenCache, tokenizedSamples } from "../../src/data/token_cache.ts";
import { packTokens, unpackTokens } from "../../src/data/token_format.ts";
import type { Sample, TextTokenizer } from "../../src/data/types.ts";

const letters: TextTokenizer = {
  name: "letters",
  hash: "letters-1",
  padId: 0,
  encode: (text) => Uint32Array.from(text, (letter) => letter.charCodeAt(0) - 96),
};
const samples: Sample[] = [
  { id: "1", text: "abc", label: "x" },
  { id: "2", text: "", label: "y" },
  { id: "3", text: "zz", label: "x" },
];

function memoryCache(kept = new Map<string, Uint8Array>()): TokenCache {
  return {
    get: (key) => Promise.resolve(kept.get(key)),
    set: (key, bytes) => Promise.resolve(void kept.set(key, bytes)),
  };
}

/** A tokenizer that counts how often it is loaded. */
function counted(): { hash: string; load: () => Promise<TextTokenizer>; loads: () => number } {
  let loads = 0;
  return {
    hash: letters.hash,
    load: () => {
      loads++;
      return Promise.resolve(letters);
    },
    loads: () => loads,
  };
}

function plain(ids: readonly Uint32Array[]): number[][] {
  return ids.map((row) => [...row]);
}

Deno.test("encodeAll() tokenizes and truncates every sample", async () => {
  assert.deepEqual(plain(await encodeAll(samples, counted(), truncated(2))), [[1, 2], [], [
    26,
    26,
  ]]);
});

Deno.test("encodeAll() loads no tokenizer and reports nothing when the cache has the tokens", async () => {
  const cache = memoryCache();
  const tokenizer = counted();
  const first = await encodeAll(samples, tokenizer, truncated(2), cache);
  const again = await encodeAll(
    samples,
    tokenizer,
    truncated(2),
    cache,
    () => assert.fail("reported"),
  );
  assert.deepEqual(again, first);
  assert.equal(tokenizer.loads(), 1);
});

Deno.test("encodeAll() misses the cache when text, id, tokenizer or length differs, not the label", async () => {
  const cache = memoryCache();
  const tokenizer = counted();
  await encodeAll(samples, tokenizer, truncated(2), cache);
  const [first, ...rest] = samples;
  await encodeAll([{ ...first, label: "y" }, ...rest], tokenizer, truncated(2), cache);
  assert.equal(tokenizer.loads(), 1);
  await encodeAll([{ ...first, text: "abd" }, ...rest], tokenizer, truncated(2), cache);
  await encodeAll([{ ...first, id: "9" }, ...rest], tokenizer, truncated(2), cache);
  await encodeAll(samples, { ...tokenizer, hash: "letters-2" }, truncated(2), cache);
  await encodeAll(samples, tokenizer, truncated(3), cache);
  assert.equal(tokenizer.loads(), 5);
});

Deno.test("encodeAll() ignores and rewrites a corrupt cache entry", async () => {
  const kept = new Map<string, Uint8Array>();
  const cache = memoryCache(kept);
  const tokenizer = counted();
  const expected = await encodeAll(samples, tokenizer, truncated(2), cache);
  const [[key, good]] = kept;
  for (const bad of [good.slice(0, -1), good.with(good.length - 1, 99), new Uint8Array(3)]) {
    kept.set(key, bad);
    assert.deepEqual(await encodeAll(samples, tokenizer, truncated(2), cache), expected);
    assert.deepEqual(kept.get(key), good);
  }
  assert.equal(tokenizer.loads(), 4);
});

Deno.test("encodeAll() reports progress up to the total", async () => {
  const long = Array.from({ length: 5 }, (_, i) => ({
    id: String(i),
    text: "ab ".repeat(20_000),
    label: "x",
  }));
  const reports: [number, number][] = [];
  await encodeAll(
    long,
    counted(),
    truncated(4),
    undefined,
    (done, total) => reports.push([done, total]),
  );
  assert.deepEqual(reports, [[2, 5], [4, 5], [5, 5]]);
});

Deno.test("unpackTokens() gives back what packTokens() packed", async () => {
  const ids = fc.array(
    fc.array(fc.oneof(fc.nat(200_000), fc.constantFrom(65535, 65536, 4294967295))).map((row) =>
      Uint32Array.from(row)
    ),
  );
  await fc.assert(fc.asyncProperty(ids, async (rows) => {
    const bytes = await packTokens(rows);
    assert.deepEqual(await unpackTokens(bytes, rows.length), rows);
    assert.equal(await unpackTokens(bytes, rows.length + 1), undefined);
  }));
});

Deno.test("unpackTokens() rejects any flipped byte", async () => {
  const bytes = await packTokens([Uint32Array.of(1, 2), Uint32Array.of(70_000)]);
  for (let i = 0; i < bytes.length; i++) {
    assert.equal(await unpackTokens(bytes.with(i, bytes[i] ^ 4), 2), undefined, `byte ${i}`);
  }
});

Deno.test("packTokens() spends two bytes on a small id", async () => {
  const frame = 16 + 32;
  assert.equal((await packTokens([Uint32Array.of(1, 65535)])).length, frame + 4 + 2 * 2);
  assert.equal((await packTokens([Uint32Array.of(1, 65536)])).length, frame + 4 + 2 * 4);
});

Deno.test("tokenizedSamples() numbers labels by their place in the set", () => {
  const ids = samples.map(({ text }) => letters.encode(text));
  const tokenized = tokenizedSamples(samples, ids, ["y", "x"]);
  assert.deepEqual(tokenized.map(({ label }) => label), [1, 0, 1]);
  assert.equal(tokenized[2].ids, ids[2]);
  assert.throws(() => tokenizedSamples(samples, ids, ["x"]), /label "y" of sample "2"/);
  assert.throws(() => tokenizedSamples(samples, ids.slice(1), ["x", "y"]), /expected 3 id lists/);
});
