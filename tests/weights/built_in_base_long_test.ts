import assert from "node:assert/strict";
import { builtInBase } from "../../src/weights/built_in_base.ts";
import { builtinCorpus } from "../../src/data/builtin_corpus.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { createTransformersTokenizer } from "../../src/data/tokenizer_transformers.ts";
import { readTokenizerFiles } from "../../src/weights/mod.ts";

Deno.test("createTransformersTokenizer() gives the ids of createTokenizer() for the built-in base", async () => {
  const { tokenizer, config } = await readTokenizerFiles(builtInBase());
  const light = await createTokenizer(tokenizer, config);
  const full = await createTransformersTokenizer(tokenizer, config);
  const posts = builtinCorpus(1, { train: 100, test: 0 }).train.map(({ text }) => text);
  const others = [
    "",
    "Hello, WORLD! Don't split naïve cafés, Ångström’s “quotes” — or 3.14e-10…",
    "[CLS] [SEP] [MASK] [UNK] ##ing",
    "中文 한국어 emoji 😀 \u0000 control \t tab",
    "x".repeat(150),
  ];
  for (const text of [...posts, ...others]) {
    assert.deepEqual(full.encode(text), light.encode(text), JSON.stringify(text));
  }
  assert.deepEqual([full.padId, full.hash], [0, light.hash]);
});
