/** A corpus and a WordPiece tokenizer that are as small as a pretraining can do with. */

import { join } from "node:path";
import { randomStream } from "../../../src/protocol/random.ts";

const words = ["fish", "boat", "river", "moon", "small", "swims", "sails", "shines", "the", "over"];
const letters = [..."abcdefghijklmnopqrstuvwxyz"];
const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const pieces = [...special, ...letters, ...letters.map((letter) => `##${letter}`), ...words];

/** `tokenizer.json`; the words come last, the tenth of them with the highest id. */
export const tokenizerJson = {
  added_tokens: special.map((content, id) => ({ id, content, special: true })),
  normalizer: { type: "Lowercase" },
  pre_tokenizer: { type: "Whitespace" },
  post_processor: { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] },
  decoder: null,
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
  },
};

/** `tokenizer_config.json` */
export const tokenizerConfig = {
  tokenizer_class: "BertTokenizer",
  pad_token: "[PAD]",
  unk_token: "[UNK]",
  cls_token: "[CLS]",
  sep_token: "[SEP]",
  mask_token: "[MASK]",
};

/** Tokens that must stay when the vocabulary is cut: special ones and letters. */
export const fixedTokens = special.length + 2 * letters.length;

/** Documents whose words follow each other by rule, so that there is something to learn. */
export function tinyDocuments(count: number): string[] {
  const random = randomStream(1, "documents");
  return Array.from({ length: count }, () => {
    let place = random.integer(words.length);
    return Array.from({ length: 40 }, () => {
      place = (3 * place + 1 + random.integer(2)) % words.length;
      return words[place];
    }).join(" ");
  });
}

/** The documents as lines of a .jsonl file. */
export function jsonLines(documents: readonly string[]): string {
  return documents.map((text) => JSON.stringify({ text }) + "\n").join("");
}

/** Writes a tokenizer's folder. */
export async function writeTokenizerFolder(
  folder: string,
  json: unknown = tokenizerJson,
  config: unknown = tokenizerConfig,
): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "tokenizer.json"), JSON.stringify(json));
  await Deno.writeTextFile(join(folder, "tokenizer_config.json"), JSON.stringify(config));
  return folder;
}

/** Flags of a pretraining of 20 steps that takes a second, on files written into `folder`. */
export async function tinyFlags(folder: string): Promise<string[]> {
  const corpus = join(folder, "corpus.jsonl");
  await Deno.writeTextFile(corpus, jsonLines(tinyDocuments(220)));
  return [
    `--corpus=${corpus}`,
    `--tokenizer=${await writeTokenizerFolder(join(folder, "tokenizer"))}`,
    "--layers=1",
    "--width=8",
    "--heads=2",
    "--seq-len=12",
    "--batch=4",
    "--steps=20",
    "--learning-rate=0.01",
    "--threads=1",
    "--device=cpu",
  ];
}
