/** A run's texts as its model reads them. @module */

import {
  encodeAll,
  type EncodeProgress,
  type TokenCache,
  tokenizedSamples,
} from "../data/token_cache.ts";
import type { Sample, TextTokenizer, TokenizedSample } from "../data/types.ts";
import { UserError } from "../protocol/errors.ts";
import type { RunSetup } from "./run_setup.ts";

/** Makes a tokenizer of its parsed files; called only when something is not in the cache. */
export type CreateTokenizer = (tokenizer: unknown, config: unknown) => Promise<TextTokenizer>;

/** How texts become tokens in one run. */
export interface TokenizeOptions {
  /** The run's model and tokenizer. */
  readonly setup: RunSetup;
  /** The label set, in the order of the classifier's outputs. */
  readonly labels: readonly string[];
  /** Makes the tokenizer. */
  readonly createTokenizer: CreateTokenizer;
  /** Keeps token ids between runs; without it every run tokenizes anew. */
  readonly cache?: TokenCache | undefined;
  /** Told how many texts are tokenized. */
  readonly onProgress?: EncodeProgress | undefined;
}

/**
 * Tokenizes rows at once, so that one cache entry serves every use of them.
 *
 * @returns a look-up of any of them.
 *
 * @throws UserError when a token is not in the model's vocabulary.
 */
export async function tokenizeRows(
  rows: readonly Sample[],
  { setup, labels, createTokenizer, cache, onProgress }: TokenizeOptions,
): Promise<(samples: readonly Sample[]) => TokenizedSample[]> {
  const { model, tokenizer: { hash, files }, sizes: { buckets } } = setup;
  const load = () => createTokenizer(files.tokenizer, files.config);
  const ids = await encodeAll(rows, { hash, load }, Math.max(...buckets), cache, onProgress);
  const highest = ids.reduce((most, row) => row.reduce((x, y) => Math.max(x, y), most), 0);
  if (highest >= model.vocabulary) {
    throw new UserError(
      `Cannot use this tokenizer with this model: expected token ids below ${model.vocabulary}, got ${highest}`,
    );
  }
  const idsOf = new Map(rows.map((sample, i) => [sample, ids[i]]));
  return (samples) =>
    tokenizedSamples(samples, samples.map((sample) => idsOf.get(sample)!), labels);
}
