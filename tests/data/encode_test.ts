import assert from "node:assert/strict";
import fc from "fast-check";
import { DataError } from "../../src/data/errors.ts";
import { truncatingEncoder } from "../../src/data/encode.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import type { TextTokenizer } from "../../src/data/types.ts";
import { tinyTokenizerConfig, tinyTokenizerJson } from "./tiny_tokenizer.ts";

/** One token a word: the word's length; `opening` before and `closing` behind. */
function wordLengths(opening: readonly number[], closing: readonly number[]): TextTokenizer {
  return {
    name: "word lengths",
    hash: "",
    padId: 0,
    encode: (text) =>
      Uint32Array.from([
        ...opening,
        ...(text.match(/\S+/g) ?? []).map((w) => w.length),
        ...closing,
      ]),
  };
}

Deno.test("truncatingEncoder() keeps the closing special token", async () => {
  const tokenizer = await createTokenizer(tinyTokenizerJson, tinyTokenizerConfig);
  const encode = truncatingEncoder(tokenizer, 4);
  assert.deepEqual([...encode("a")], [2, 4, 3]);
  assert.deepEqual([...encode("a a")], [2, 4, 4, 3]);
  assert.deepEqual([...encode("fishing a a")], [2, 5, 6, 3]);
});

Deno.test("truncatingEncoder() cuts the end off when nothing closes a text", () => {
  const encode = truncatingEncoder(wordLengths([900], []), 3);
  assert.deepEqual([...encode("a bb ccc")], [900, 1, 2]);
  assert.deepEqual([...truncatingEncoder(wordLengths([], []), 2)("a bb ccc")], [1, 2]);
  assert.deepEqual([...truncatingEncoder(wordLengths([], []), 2)("")], []);
});

Deno.test("truncatingEncoder() gives the beginning of the full encoding of long texts", () => {
  const word = fc.string({ unit: fc.constantFrom("x", "y"), minLength: 1, maxLength: 60 });
  fc.assert(fc.property(
    fc.array(word, { maxLength: 400 }),
    fc.constantFrom(" ", "\n", "    "),
    fc.integer({ min: 4, max: 40 }),
    (words, space, maxLength) => {
      const text = words.join(space);
      const tokenizer = wordLengths([900], [901, 902]);
      const full = [...tokenizer.encode(text)];
      const expected = full.length <= maxLength
        ? full
        : [...full.slice(0, maxLength - 2), 901, 902];
      assert.deepEqual([...truncatingEncoder(tokenizer, maxLength)(text)], expected);
    },
  ));
});

Deno.test("truncatingEncoder() reads only the beginning of a long text", () => {
  const lengths: number[] = [];
  const tokenizer = wordLengths([], []);
  const watched: TextTokenizer = {
    ...tokenizer,
    encode: (text) => {
      lengths.push(text.length);
      return tokenizer.encode(text);
    },
  };
  truncatingEncoder(watched, 8)("word ".repeat(10_000));
  assert.ok(Math.max(...lengths) < 1000, `got ${lengths}`);
});

Deno.test("truncatingEncoder() takes a long text without spaces whole", () => {
  const ids = truncatingEncoder(wordLengths([], []), 8)("x".repeat(5000));
  assert.deepEqual([...ids], [5000]);
});

Deno.test("truncatingEncoder() refuses a length that the special tokens fill", () => {
  assert.throws(() => truncatingEncoder(wordLengths([1], [2]), 2), DataError);
});
