/** All that comes before the first step: input is checked, the vocabulary cut, the corpus tokenized. @module */

import { createTokenizer } from "../../data/mod.ts";
import { cutVocabulary } from "../../pretrain/vocabulary.ts";
import { UserError } from "../../protocol/errors.ts";
import { openWeights, type WeightSource } from "../../weights/mod.ts";
import { folderFiles } from "../deno_files.ts";
import { countText } from "../units.ts";
import type { PretrainConfig } from "./config.ts";
import { type Corpus, findCorpus, type Watch } from "./corpus.ts";
import { partsOf } from "./folder.ts";
import { readSpecialIds } from "./special_ids.ts";
import { type CorpusFacts, cutTokenizer, tokenizeCorpus } from "./tokenize_corpus.ts";
import { idsOf, readTokenizer, type TokenizerJson, writeTokenizer } from "./tokenizer_json.ts";

/** What a new pretraining is made from. */
export interface PretrainInput {
  readonly corpus: Corpus;
  readonly tokenizer: TokenizerJson;
  /** The first weights, where they are a model's. */
  readonly weights: WeightSource | undefined;
}

/**
 * Finds what a new pretraining is made from, and checks what can be checked without reading the corpus. Writes nothing.
 *
 * @throws UserError for whatever is the user's to mend.
 */
export async function findInput(config: PretrainConfig): Promise<PretrainInput> {
  const corpus = await findCorpus(config.corpus, config.textColumn);
  const tokenizer = await readTokenizer(config.tokenizer);
  await createTokenizer(tokenizer.tokenizer, tokenizer.config);
  readSpecialIds(tokenizer, config.objective);
  if (config.vocabulary !== null) {
    // Whether it can be cut to this size does not depend on the counts.
    cutVocabulary(
      tokenizer.tokenizer,
      new Uint8Array(idsOf(tokenizer.tokenizer)),
      config.vocabulary,
    );
  }
  const weights = config.init === null ? undefined : await openWeights(folderFiles(config.init));
  return { corpus, tokenizer, weights };
}

/**
 * Writes the folder's tokenizer and token files.
 *
 * @throws UserError for a corpus that cannot be read or is too small, and the signal's reason once it is aborted.
 */
export async function prepareCorpus(
  { corpus, tokenizer: whole }: PretrainInput,
  { vocabulary, objective, tokens }: PretrainConfig,
  folder: string,
  watch: Watch,
): Promise<CorpusFacts> {
  const tokenizer = vocabulary === null
    ? whole
    : await cutTokenizer(whole, vocabulary, corpus, watch);
  await writeTokenizer(partsOf(folder).tokenizer, tokenizer);
  const { end } = readSpecialIds(tokenizer, objective);
  const facts = await tokenizeCorpus(tokenizer, end, corpus, folder, watch);
  const least = 4 * tokens;
  if (facts.trainTokens >= least && facts.validationTokens >= least) return facts;
  const [train, heldOut] = [facts.trainTokens, facts.validationTokens].map(countText);
  throw new UserError(
    `Cannot pretrain on so little text: expected at least ${
      countText(least)
    } tokens (4 × --seq-len) to train on and as many to hold out (the tenth document and each 100th after it), got ${train} and ${heldOut}`,
  );
}
