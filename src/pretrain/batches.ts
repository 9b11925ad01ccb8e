/** Batches of a pretraining: blocks of the tokenized corpus in shuffled order, made ready for the objective. @module */

import { IGNORED_LABEL } from "../engine/ops/ignored_label.ts";
import { type RandomStream, randomStream } from "../protocol/random.ts";
import { maskedCount, type MaskingTokens, maskRow } from "./masking.ts";

/** A tokenized corpus, read by ranges: it may be larger than memory. */
export interface TokenCorpus {
  /** Tokens in all; every document ends with a separator. */
  readonly length: number;
  /** Tokens [start, start + count). */
  read(start: number, count: number): Uint32Array;
}

/** What is predicted: masked tokens between a start and an end token, or in each place the next token. */
export type Objective =
  | {
    readonly kind: "masked";
    readonly tokens: MaskingTokens;
    readonly start: number;
    readonly end: number;
    readonly rate: number;
  }
  | { readonly kind: "next" };

/** One step's inputs. B rows of T tokens, P predictions. */
export interface PretrainBatch {
  /** [B,T] */
  readonly ids: Uint32Array;
  /** [P] places of the predicted tokens in the batch, counted over its B·T. */
  readonly places: Uint32Array;
  /** [P] what is to be predicted; IGNORED_LABEL where nothing is. */
  readonly labels: Uint32Array;
}

/** Predictions P of a batch. */
export function predictionCount(objective: Objective, batch: number, tokens: number): number {
  return objective.kind === "next"
    ? batch * tokens
    : batch * maskedCount(textTokens(objective, tokens), objective.rate);
}

/** Tokens of the corpus in a row of T: what is left beside a start and an end. */
function textTokens(objective: Objective, tokens: number): number {
  return objective.kind === "next" ? tokens : tokens - 2;
}

/** Blocks of a corpus that fill a row each; from every epoch to the next their borders move. */
export function blockCount(objective: Objective, corpus: TokenCorpus, tokens: number): number {
  const width = textTokens(objective, tokens);
  // One block less than fits, so that borders can move; the next token of the last one must be there too.
  return Math.floor((corpus.length - 1) / width) - 1;
}

/**
 * The batches of a pretraining, any of them at any time: a resumed one goes on where it stopped. Each epoch takes every block once, in an order and at
 * borders of its own.
 */
export function batchesOf(
  objective: Objective,
  corpus: TokenCorpus,
  { batch, tokens, seed }: {
    readonly batch: number;
    readonly tokens: number;
    readonly seed: number;
  },
): (step: number) => PretrainBatch {
  const blocks = blockCount(objective, corpus, tokens);
  const width = textTokens(objective, tokens);
  let epoch = -1;
  let order: ArrayLike<number> = [];
  let shift = 0;
  const block = (position: number): Uint32Array => {
    const now = Math.floor(position / blocks);
    if (now !== epoch) {
      const random = randomStream(seed, "blocks", now);
      order = random.shuffle(Array.from({ length: blocks }, (_, i) => i));
      shift = random.integer(width);
      epoch = now;
    }
    const start = order[position % blocks] * width + shift;
    return corpus.read(start, objective.kind === "next" ? width + 1 : width);
  };
  return (step) =>
    assemble(
      objective,
      Array.from({ length: batch }, (_, row) => block(step * batch + row)),
      tokens,
      (row) => randomStream(seed, "masks", step, row),
    );
}

function assemble(
  objective: Objective,
  blocks: readonly Uint32Array[],
  tokens: number,
  randomOf: (row: number) => RandomStream,
): PretrainBatch {
  const ids = new Uint32Array(blocks.length * tokens);
  const count = predictionCount(objective, 1, tokens);
  const places = new Uint32Array(blocks.length * count);
  const labels = new Uint32Array(blocks.length * count).fill(IGNORED_LABEL);
  for (const [row, block] of blocks.entries()) {
    const first = row * tokens;
    if (objective.kind === "next") {
      ids.set(block.subarray(0, tokens), first);
      labels.set(block.subarray(1), first);
      for (let i = 0; i < tokens; i++) places[first + i] = first + i;
      continue;
    }
    const own = ids.subarray(first, first + tokens);
    own.set([objective.start, ...block, objective.end]);
    const predicted = maskRow(own, count, objective.tokens, randomOf(row));
    predicted.places.forEach((place, i) => places[row * count + i] = first + place);
    labels.set(predicted.labels, row * count);
  }
  return { ids, places, labels };
}
