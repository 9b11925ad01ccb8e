import assert from "node:assert/strict";
import { MissingTokenizerError } from "../../src/data/errors.ts";
import { sha256Hex } from "../../src/protocol/hash.ts";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { readTokenizerFacts } from "../../src/data/tokenizer_files.ts";
import { tinyTokenizerConfig, tinyTokenizerJson } from "./tiny_tokenizer.ts";

Deno.test("createTokenizer() tokenizes with the special tokens of the post-processor", async () => {
  const tokenizer = await createTokenizer(tinyTokenizerJson, tinyTokenizerConfig);
  const ids = tokenizer.encode("Fishing a fishes. trout");
  assert.deepEqual([...ids], [2, 5, 6, 4, 5, 7, 8, 0, 3]);
  assert.ok(ids instanceof Uint32Array);
  assert.deepEqual([...tokenizer.encode("")], [2, 3]);
});

Deno.test("decode() gives the text back without special tokens, and incomplete characters as U+FFFD", async () => {
  const json = {
    added_tokens: [{ id: 0, content: "<end>", special: true }],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    // Byte-level BPE writes é's bytes, C3 A9, as these letters, and a space as Ġ.
    model: {
      type: "BPE",
      merges: [],
      vocab: { "<end>": 0, "a": 1, "Ġ": 2, "Ã": 3, "©": 4, ".": 5 },
    },
  };
  const tokenizer = await createTokenizer(json, { clean_up_tokenization_spaces: true });
  const ids = tokenizer.encode("a é .");
  assert.deepEqual([...ids], [1, 2, 3, 4, 2, 5]);
  assert.equal(tokenizer.decode(ids), "a é .", "nothing is cleaned up");
  assert.equal(tokenizer.decode([...ids.subarray(0, 3), 0]), "a \ufffd");
  assert.equal(tokenizer.decode([0]), "");
  assert.equal(tokenizer.decode([]), "");
});

Deno.test("readTokenizerFacts() hashes both JSON texts", async () => {
  const facts = await readTokenizerFacts(tinyTokenizerJson, tinyTokenizerConfig);
  const text = JSON.stringify(tinyTokenizerJson) + "\n" + JSON.stringify(tinyTokenizerConfig);
  assert.equal(facts.hash, await sha256Hex(new TextEncoder().encode(text)));
  assert.equal(facts.name, "BertTokenizer");
  const { hash } = await createTokenizer(tinyTokenizerJson, tinyTokenizerConfig);
  assert.equal(hash, facts.hash, "known before the tokenizer is loaded");
});

Deno.test("readTokenizerFacts() pads with pad_token, else eos_token, else 0", async () => {
  const padId = async (config: unknown, json: unknown = tinyTokenizerJson): Promise<number> =>
    (await readTokenizerFacts(json, config)).padId;
  assert.equal(await padId({ pad_token: "[PAD]", eos_token: "[SEP]" }), 1);
  assert.equal(await padId({ pad_token: { content: "[PAD]" } }), 1);
  assert.equal(await padId({ pad_token: null, eos_token: "[SEP]" }), 3);
  assert.equal(await padId({ pad_token: "fish" }), 5, "from the vocabulary");
  assert.equal(await padId({ pad_token: "unheard of" }), 0);
  assert.equal(await padId(undefined), 0);
  const unigram = { model: { vocab: [["<s>", 0], ["<pad>", -1.5]] } };
  assert.equal(await padId({ pad_token: "<pad>" }, unigram), 1);
});

Deno.test("createTokenizer() rejects a model without tokenizer.json", async () => {
  await assert.rejects(createTokenizer(undefined, {}), MissingTokenizerError);
  await assert.rejects(createTokenizer({ not: "a tokenizer" }, {}), MissingTokenizerError);
});
