/** From text files to token files: cuts the vocabulary where asked, tokenizes everything once, and holds some documents out. @module */

import { createTokenizer } from "../../data/mod.ts";
import { cutTokenizerConfig, cutVocabulary } from "../../pretrain/vocabulary.ts";
import { UserError } from "../../protocol/errors.ts";
import { type Corpus, documents, type Watch } from "./corpus.ts";
import { partsOf } from "./folder.ts";
import { createTokenFile, tokenBytes } from "./token_file.ts";
import { idsOf, type TokenizerJson } from "./tokenizer_json.ts";

/** What was tokenized; as it stands in pretrain.json. */
export interface CorpusFacts {
  readonly documents: number;
  readonly trainTokens: number;
  readonly validationTokens: number;
}

/** One document in this many is held out, beginning with the tenth. */
const HELD_OUT_EVERY = 100;
const FIRST_HELD_OUT = 9;
/** When a vocabulary is cut, one document in this many is counted: a share of them says enough of which pieces are frequent. */
const COUNTED_EVERY = 4;

/**
 * The tokenizer with its vocabulary cut to the `size` pieces that the corpus needs.
 *
 * @throws UserError as `cutVocabulary` and `documents` do.
 */
export async function cutTokenizer(
  { tokenizer, config }: TokenizerJson,
  size: number,
  corpus: Corpus,
  watch: Watch,
): Promise<TokenizerJson> {
  const { encode } = await createTokenizer(tokenizer, config);
  const counts = new Float64Array(idsOf(tokenizer));
  let number = 0;
  for await (const text of documents(corpus, "Counting pieces", watch)) {
    if (number++ % COUNTED_EVERY !== 0) continue;
    for (const id of encode(text)) counts[id]++;
  }
  const cut = cutVocabulary(tokenizer, counts, size);
  return { tokenizer: cut, config: cutTokenizerConfig(config, cut) };
}

/**
 * Tokenizes a corpus into the folder's token files. Each document is followed by `separator`; what the tokenizer puts around
 * a text is left out, for it goes around rows.
 *
 * @throws UserError as `documents` does, and when there is no text.
 */
export async function tokenizeCorpus(
  { tokenizer, config }: TokenizerJson,
  separator: number,
  corpus: Corpus,
  folder: string,
  watch: Watch,
): Promise<CorpusFacts> {
  const { encode } = await createTokenizer(tokenizer, config);
  const around = new Set(encode(""));
  const width = tokenBytes(idsOf(tokenizer));
  const parts = partsOf(folder);
  const train = await createTokenFile(parts.train, width);
  const validation = await createTokenFile(parts.validation, width);
  const counts = { documents: 0, trainTokens: 0, validationTokens: 0 };
  try {
    for await (const text of documents(corpus, "Tokenizing", watch)) {
      const ids = encode(text).filter((id) => !around.has(id));
      if (ids.length === 0) continue;
      const heldOut = counts.documents % HELD_OUT_EVERY === FIRST_HELD_OUT;
      await (heldOut ? validation : train).write([...ids, separator]);
      counts[heldOut ? "validationTokens" : "trainTokens"] += ids.length + 1;
      counts.documents++;
    }
    if (counts.documents === 0) {
      const files = corpus.files.map((file) => `"${file}"`).join(", ");
      throw new UserError(`Cannot pretrain on ${files}: expected text, got none`);
    }
    await train.finish();
    await validation.finish();
    return counts;
  } finally {
    await train.abandon();
    await validation.abandon();
  }
}
