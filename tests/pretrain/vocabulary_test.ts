import assert from "node:assert/strict";
import { createTokenizer } from "../../src/data/tokenizer.ts";
import { cutTokenizerConfig, cutVocabulary } from "../../src/pretrain/vocabulary.ts";
import { UserError } from "../../src/protocol/errors.ts";

const pieces = ["boat", "[PAD]", "a", "##a", "fish", "[UNK]", "##ing", "b", "##b", "[CLS]"]
  .concat("[SEP]", "river", "##es", "🐟", "[MASK]", "sea", "unseen");
const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const json = {
  added_tokens: special.map((content) => ({
    id: pieces.indexOf(content),
    content,
    special: true,
  })),
  normalizer: { type: "Lowercase" },
  pre_tokenizer: { type: "Whitespace" },
  post_processor: {
    type: "TemplateProcessing",
    single: [
      { SpecialToken: { id: "[CLS]", type_id: 0 } },
      { Sequence: { id: "A", type_id: 0 } },
      { SpecialToken: { id: "[SEP]", type_id: 0 } },
    ],
    special_tokens: Object.fromEntries(["[CLS]", "[SEP]"].map((content) => [
      content,
      { id: content, ids: [pieces.indexOf(content)], tokens: [content] },
    ])),
  },
  decoder: null,
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
  },
};
const config = {
  tokenizer_class: "BertTokenizer",
  added_tokens_decoder: Object.fromEntries(
    json.added_tokens.map(({ id, content }) => [id, { content, special: true }]),
  ),
};
/** Special tokens and single characters. */
const FIXED = 10;

const countsOf = (counts: Record<string, number>) => pieces.map((piece) => counts[piece] ?? 0);
const counts = countsOf({ fish: 9, "##ing": 5, river: 7, boat: 7, sea: 1 });

function vocabOf(cut: Record<string, unknown>): string[] {
  const { vocab } = cut.model as { vocab: Record<string, number> };
  assert.deepEqual(Object.values(vocab), [...Object.keys(vocab).keys()], "numbered from 0");
  return Object.keys(vocab);
}

Deno.test("cutVocabulary() keeps special tokens, single characters and the frequent rest, in order", () => {
  const kept = vocabOf(cutVocabulary(json, counts, FIXED + 3));
  const stay = new Set(["fish", "boat", "river", ...special, "a", "##a", "b", "##b", "🐟"]);
  assert.deepEqual(kept, pieces.filter((piece) => stay.has(piece)));
  assert.deepEqual(
    vocabOf(cutVocabulary(json, counts, FIXED + 2)).filter((piece) => !special.includes(piece)),
    ["boat", "a", "##a", "fish", "b", "##b", "🐟"],
    "of two equally frequent ones that with the lower id",
  );
  assert.deepEqual(vocabOf(cutVocabulary(json, counts, pieces.length)), pieces);
});

Deno.test("a cut vocabulary gives texts of kept pieces their old ids, numbered anew", async () => {
  const cut = cutVocabulary(json, counts, FIXED + 4);
  const kept = vocabOf(cut);
  const before = await createTokenizer(json, config);
  const after = await createTokenizer(cut, cutTokenizerConfig(config, cut));
  for (const text of ["Fishing boat", "river ab bba fish", "", "🐟 fish? boat", "a[MASK]b"]) {
    const old = [...before.encode(text)].map((id) => kept.indexOf(pieces[id]));
    assert.deepEqual([...after.encode(text)], old, text);
    assert.ok(!old.includes(-1), text);
  }
  // What was cut is written with what stayed.
  assert.deepEqual([...after.encode("fishes")].map((id) => kept[id]), ["[CLS]", "[UNK]", "[SEP]"]);
});

Deno.test("cutTokenizerConfig() numbers the special tokens anew", () => {
  const cut = cutVocabulary(json, counts, FIXED + 1);
  const kept = vocabOf(cut);
  const { added_tokens_decoder: decoder, tokenizer_class } = cutTokenizerConfig(config, cut);
  assert.equal(tokenizer_class, "BertTokenizer");
  const ids = Object.entries(decoder as Record<string, { content: string }>)
    .map(([id, { content }]) => [content, Number(id)]);
  assert.deepEqual(
    new Map(ids as [string, number][]),
    new Map(special.map((s) => [s, kept.indexOf(s)])),
  );
  assert.deepEqual(cutTokenizerConfig({ a: 1 }, cut), { a: 1 });
});

Deno.test("cutVocabulary() renumbers pairs, and processors in a sequence", () => {
  const bert = { type: "BertProcessing", sep: ["[SEP]", 10], cls: ["[CLS]", 9] };
  const cut = cutVocabulary(
    { ...json, post_processor: { type: "Sequence", processors: [bert] } },
    counts,
    FIXED,
  );
  const kept = vocabOf(cut);
  assert.deepEqual(cut.post_processor, {
    type: "Sequence",
    processors: [{
      type: "BertProcessing",
      sep: ["[SEP]", kept.indexOf("[SEP]")],
      cls: ["[CLS]", kept.indexOf("[CLS]")],
    }],
  });
});

Deno.test("cutVocabulary() keeps an unknown token that is not listed, and added tokens beyond the vocabulary", () => {
  const beyond = { id: pieces.length, content: "[NEW]", special: true };
  const added = json.added_tokens.filter(({ content }) => content !== "[UNK]");
  const cut = cutVocabulary(
    { ...json, added_tokens: [...added, beyond] },
    [...counts, 0],
    FIXED + 1,
  );
  const kept = vocabOf(cut);
  assert.ok(kept.includes("[UNK]") && !kept.includes("[NEW]") && !kept.includes("fish"));
  const last = (cut.added_tokens as { id: number; content: string }[]).at(-1);
  assert.deepEqual([last?.content, last?.id], ["[NEW]", FIXED]);
});

Deno.test("cutVocabulary() refuses sizes that do not fit and tokenizers that are no WordPiece", () => {
  const refused = (run: () => unknown, message: RegExp) =>
    assert.throws(run, (error) => error instanceof UserError && message.test(error.message));
  refused(() => cutVocabulary(json, counts, FIXED - 1), /between 10 .* and 17/);
  refused(() => cutVocabulary(json, counts, pieces.length + 1), /between 10 .* and 17/);
  for (const type of ["BPE", "Unigram"]) {
    const model = { type, vocab: json.model.vocab };
    refused(() => cutVocabulary({ ...json, model }, counts, 12), new RegExp(`got ${type}`));
  }
  const bare = { vocab: json.model.vocab, merges: [] };
  refused(() => cutVocabulary({ ...json, model: bare }, counts, 12), /WordPiece/);
});

Deno.test("cutVocabulary() takes a WordPiece model of a file that names no type", () => {
  const { type: _, ...model } = json.model;
  assert.equal(vocabOf(cutVocabulary({ ...json, model }, counts, FIXED)).length, FIXED);
});
