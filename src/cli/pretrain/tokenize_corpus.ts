/** From text files to token files: cuts the vocabulary where asked, tokenizes everything once, and holds some documents out. @module */

import { join } from "node:path";
import { createTokenizer } from "../../data/mod.ts";
import { cutTokenizerConfig, cutVocabulary } from "../../pretrain/vocabulary.ts";
import { UserError } from "../../protocol/errors.ts";
import type { Preparation } from "../progress.ts";
import { readTexts } from "./texts.ts";
import { createTokenFile, tokenBytes } from "./token_file.ts";

/** Parsed `tokenizer.json` and `tokenizer_config.json`. */
export interface TokenizerJson {
  readonly tokenizer: Record<string, unknown>;
  readonly config: Record<string, unknown>;
}

/** What was tokenized; as it stands in pretrain.json. */
export interface CorpusFacts {
  readonly documents: number;
  readonly trainTokens: number;
  readonly validationTokens: number;
}

/** Where texts come from. */
export interface CorpusSource {
  readonly files: readonly string[];
  readonly column: string;
}

/** Names of the token files in a pretraining's folder. */
export const tokenFiles = { train: "train.tokens", validation: "validation.tokens" } as const;

/** One document in this many is held out, beginning with the tenth. */
const HELD_OUT_EVERY = 100;
const FIRST_HELD_OUT = 9;
/** Documents between two that are counted when a vocabulary is cut: a share of them says enough of which pieces are frequent. */
const COUNTED_EVERY = 4;

/** All documents of a source, in order. */
export async function* documents(source: CorpusSource): AsyncGenerator<string> {
  for (const file of source.files) yield* readTexts(file, source.column);
}

/**
 * The tokenizer with its vocabulary cut to the `size` pieces that the corpus needs.
 *
 * @throws UserError as `cutVocabulary` does, and when the corpus is empty.
 */
export async function cutTokenizer(
  { tokenizer, config }: TokenizerJson,
  size: number,
  source: CorpusSource,
  onProgress: (preparation: Preparation) => void,
  check: () => void,
): Promise<TokenizerJson> {
  const { encode } = await createTokenizer(tokenizer, config);
  const counts = new Float64Array(idsOf(tokenizer));
  let number = 0;
  for await (const text of documents(source)) {
    if (number++ % COUNTED_EVERY !== 0) continue;
    check();
    for (const id of encode(text)) counts[id]++;
    onProgress({ label: "Counting pieces of documents", done: number, total: number });
  }
  const cut = cutVocabulary(tokenizer, counts, size);
  return { tokenizer: cut, config: cutTokenizerConfig(config, cut) };
}

/** Ids of a tokenizer: the highest of its vocabulary and added tokens, and one. */
export function idsOf(tokenizer: Record<string, unknown>): number {
  const { vocab } = tokenizer.model as { readonly vocab: Readonly<Record<string, number>> };
  const added = (tokenizer.added_tokens ?? []) as readonly { readonly id: number }[];
  let highest = -1;
  for (const id of Object.values(vocab)) highest = Math.max(highest, id);
  for (const { id } of added) highest = Math.max(highest, id);
  return highest + 1;
}

/**
 * Tokenizes a corpus into the folder's token files. Each document is followed by `separator`; what the tokenizer puts around a text is left out.
 *
 * @throws UserError when there is no text.
 */
export async function tokenizeCorpus(
  { tokenizer, config }: TokenizerJson,
  separator: number,
  around: ReadonlySet<number>,
  source: CorpusSource,
  folder: string,
  onProgress: (preparation: Preparation) => void,
  check: () => void,
): Promise<CorpusFacts> {
  const { encode } = await createTokenizer(tokenizer, config);
  const width = tokenBytes(idsOf(tokenizer));
  const train = await createTokenFile(join(folder, tokenFiles.train), width);
  const validation = await createTokenFile(join(folder, tokenFiles.validation), width);
  const counts = { documents: 0, trainTokens: 0, validationTokens: 0 };
  try {
    for await (const text of documents(source)) {
      check();
      const ids = encode(text).filter((id) => !around.has(id));
      if (ids.length === 0) continue;
      const heldOut = counts.documents % HELD_OUT_EVERY === FIRST_HELD_OUT;
      await (heldOut ? validation : train).write([...ids, separator]);
      counts[heldOut ? "validationTokens" : "trainTokens"] += ids.length + 1;
      counts.documents++;
      const { documents } = counts;
      if (documents % 256 === 0) {
        onProgress({ label: "Tokenizing documents", done: documents, total: documents });
      }
    }
    if (counts.trainTokens === 0) {
      throw new UserError(
        `Cannot pretrain on ${
          source.files.map((file) => `"${file}"`).join(", ")
        }: there is no text`,
      );
    }
    await train.finish();
    await validation.finish();
    return counts;
  } finally {
    await train.abandon();
    await validation.abandon();
  }
}
