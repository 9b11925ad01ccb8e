/** A run's texts as its model reads them. @module */

import { conversations, learnedTokens } from "../data/chat.ts";
import { requireChatTemplate } from "../data/chat_template.ts";
import { type Encoding, truncated, whole } from "../data/encodings.ts";
import {
  encodeAll,
  type EncodeProgress,
  type TokenCache,
  tokenizedSamples,
} from "../data/token_cache.ts";
import { type TokenizedText, tokenRows } from "../data/token_rows.ts";
import type { ModelRow, Sample, TextTokenizer } from "../data/types.ts";
import { UserError } from "../protocol/errors.ts";
import type { RunSetup } from "./run_setup.ts";

/** Makes a tokenizer of its parsed files; called only when something is not in the cache. */
export type CreateTokenizer = (tokenizer: unknown, config: unknown) => Promise<TextTokenizer>;

/** How texts become tokens in one run. */
export interface TokenizeOptions {
  /** The run's model and tokenizer. */
  readonly setup: RunSetup;
  /** The label set, in the order of the classifier's outputs; empty of a language model. */
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
 * @returns what any of them are to the run's model: a row each of a classifier; of a language model the rows of tokens that they come to together.
 *
 * @throws UserError when a token is not in the model's vocabulary, or the tokenizer does not know how a text ends.
 * @throws DataError naming a conversation that cannot be rendered.
 */
export async function tokenizeRows(
  rows: readonly Sample[],
  { setup, labels, createTokenizer, cache, onProgress }: TokenizeOptions,
): Promise<(samples: readonly Sample[]) => ModelRow[]> {
  const { model, tokenizer: { hash, files } } = setup;
  const { encoding, idsIn, added, rowsOf } = readingOf(setup);
  const load = () => createTokenizer(files.tokenizer, files.config);
  const encoded = await encodeAll(rows, { hash, load }, encoding, cache, onProgress);
  let highest = added ?? 0;
  for (const list of encoded) for (const id of idsIn(list)) highest = Math.max(highest, id);
  if (highest >= model.vocabulary) {
    throw new UserError(
      `Cannot use this tokenizer with this model: expected token ids below ${model.vocabulary}, got ${highest}`,
    );
  }
  const listOf = new Map(rows.map((sample, i) => [sample, encoded[i]]));
  return (samples) => rowsOf(samples, samples.map((sample) => listOf.get(sample)!), labels);
}

/**
 * Checks that the texts of a run can be read, before there are any.
 *
 * @throws UserError when the tokenizer does not know how a text ends, or has no chat template where conversations are read.
 */
export function checkReading(setup: RunSetup): void {
  readingOf(setup);
}

/** How the texts of a task become rows. */
interface Reading {
  readonly encoding: Encoding;
  /** The token ids of what the encoding gives for a text. */
  idsIn(encoded: Uint32Array): Iterable<number>;
  /** An id that `rowsOf` adds to every text. */
  readonly added?: number;
  /** What texts and their encodings come to. */
  rowsOf(
    samples: readonly Sample[],
    encoded: readonly Uint32Array[],
    labels: readonly string[],
  ): ModelRow[];
}

function readingOf({ reading, tokenizer, sizes: { buckets } }: RunSetup): Reading {
  const { task, packing: packed } = reading;
  const longest = Math.max(...buckets);
  switch (task) {
    case "classify":
      return { encoding: truncated(longest), idsIn: (ids) => ids, rowsOf: tokenizedSamples };
    case "lm": {
      const { name, endId } = tokenizer;
      if (endId === undefined) {
        throw new UserError(
          `Cannot use --task lm: the tokenizer "${name}" has no token that ends a text; expected "eos_token" in tokenizer_config.json`,
        );
      }
      const texts = (encoded: readonly Uint32Array[]) => encoded.map((ids) => ended(ids, endId));
      return {
        encoding: whole,
        idsIn: (ids) => ids,
        added: endId,
        rowsOf: (_, encoded) => tokenRows(texts(encoded), longest, { packed }),
      };
    }
    case "chat": {
      const { name, files: { config } } = tokenizer;
      const template = requireChatTemplate("--task chat", name, config);
      const cut = (encoded: Uint32Array) => learnedTokens(encoded, longest);
      return {
        encoding: conversations(JSON.stringify(template)),
        idsIn: (encoded) => learnedTokens(encoded, Infinity).ids,
        rowsOf: (_, encoded) => tokenRows(encoded.map(cut), longest, { packed }),
      };
    }
    default:
      return task satisfies never;
  }
}

/** A text's tokens with the one that ends it, all of them learned. */
function ended(ids: Uint32Array, endId: number): TokenizedText {
  const all = ids.at(-1) === endId ? ids : withEnd(ids, endId);
  return { ids: all, learned: new Uint8Array(all.length).fill(1) };
}

function withEnd(ids: Uint32Array, endId: number): Uint32Array {
  const all = new Uint32Array(ids.length + 1);
  all.set(ids);
  all[ids.length] = endId;
  return all;
}
