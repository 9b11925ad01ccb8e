/** All that comes before the first step: input is checked, the vocabulary cut, the corpus tokenized. @module */

import { createTokenizer } from "../../data/mod.ts";
import { readModel } from "../../models/mod.ts";
import { cutVocabulary } from "../../pretrain/vocabulary.ts";
import { UserError } from "../../protocol/errors.ts";
import { counted, countText } from "../units.ts";
import type { PretrainConfig } from "./config.ts";
import { type Corpus, findCorpus, type Watch } from "./corpus.ts";
import { partsOf } from "./folder.ts";
import { checkSameIds, type InitialModel, openInitialModel } from "./initial_model.ts";
import { modelConfig } from "./model_config.ts";
import { readSpecialIds } from "./special_ids.ts";
import { type CorpusFacts, cutTokenizer, tokenizeCorpus } from "./tokenize_corpus.ts";
import { idsOf, readTokenizer, type TokenizerJson, writeTokenizer } from "./tokenizer_json.ts";

/** What a new pretraining is made from. */
export interface PretrainInput {
  readonly corpus: Corpus;
  readonly tokenizer: TokenizerJson;
  /** Where the first weights are a model's. */
  readonly initial: InitialModel | undefined;
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
  const special = readSpecialIds(tokenizer, config.objective);
  if (config.vocabulary !== null) {
    // Whether it can be cut to this size does not depend on the counts.
    cutVocabulary(
      tokenizer.tokenizer,
      new Uint8Array(idsOf(tokenizer.tokenizer)),
      config.vocabulary,
    );
  }
  if (config.init === null) return { corpus, tokenizer, initial: undefined };
  const model = readModel(
    modelConfig(config, config.vocabulary ?? idsOf(tokenizer.tokenizer), special),
  );
  const initial = await openInitialModel(config.init, model, config.tokens);
  if (config.vocabulary === null) checkSameIds(initial, tokenizer);
  return { corpus, tokenizer, initial };
}

/**
 * Writes the folder's tokenizer and token files, or nothing where the corpus is refused.
 *
 * @throws UserError for a corpus that cannot be read or is too small, and the signal's reason once it is aborted.
 */
export async function prepareCorpus(
  { corpus, tokenizer: whole, initial }: PretrainInput,
  { vocabulary, objective, tokens }: PretrainConfig,
  folder: string,
  watch: Watch,
): Promise<CorpusFacts> {
  const tokenizer = vocabulary === null
    ? whole
    : await cutTokenizer(whole, vocabulary, corpus, watch);
  if (initial) checkSameIds(initial, tokenizer);
  const { end } = readSpecialIds(tokenizer, objective);
  const facts = await tokenizeCorpus(tokenizer, end, corpus, folder, watch);
  const parts = partsOf(folder);
  const least = 4 * tokens;
  if (facts.trainTokens >= least && facts.validationTokens >= least) {
    await writeTokenizer(parts.tokenizer, tokenizer);
    return facts;
  }
  for (const path of [parts.train, parts.validation]) await Deno.remove(path);
  const [train, heldOut] = [
    facts.trainTokens,
    facts.validationTokens,
  ].map(countText);
  throw new UserError(
    `Cannot pretrain on so little text: expected at least ${
      countText(least)
    } tokens (4 × --seq-len) to train on and as many to hold out (the tenth document and each 100th after it), got ${train} and ${heldOut} in ${
      counted(facts.documents, "document")
    }`,
  );
}
