/**
 * Batches of a few fixed shapes, so that each shape's program is built once.
 *
 * @module
 */

import type { RandomStream } from "../protocol/random.ts";
import type { Batch, TokenizedSample } from "./types.ts";

/**
 * The smallest bucket that holds `length` tokens.
 *
 * @throws {RangeError} where none does.
 */
export function bucketFor(length: number, buckets: readonly number[]): number {
  const fitting = buckets.filter((bucket) => bucket >= length);
  if (fitting.length === 0) {
    throw new RangeError(
      `Cannot place ${length} tokens: expected at most ${Math.max(...buckets)}`,
    );
  }
  return Math.min(...fitting);
}

/**
 * Packs 1 to `B` samples into one batch of `B` rows, as long as the smallest bucket that fits its longest sample.
 * Rows without a sample are padding of weight 0; each real row weighs 1/total.
 *
 * @param total Real rows of all batches that share a step; default: of this one.
 *
 * @throws {RangeError} where the samples are none or more than `B`, or one is longer than every bucket.
 *
 * @example
 * ```ts
 * import { makeBatch } from "./batches.ts";
 * const batch = makeBatch([{ ids: new Uint32Array([5, 6, 7]), label: 1 }], 2, [2, 4], 0);
 * if (batch.T !== 4 || batch.ids.join() !== "5,6,7,0,0,0,0,0") throw new Error("unreachable");
 * ```
 */
export function makeBatch(
  samples: readonly TokenizedSample[],
  B: number,
  buckets: readonly number[],
  padId: number,
  total: number = samples.length,
): Batch {
  const rows = samples.length;
  if (rows < 1 || rows > B) {
    throw new RangeError(
      `Cannot make a batch of ${B} rows: expected 1 to ${B} samples, got ${rows}`,
    );
  }
  const T = bucketFor(Math.max(...samples.map(({ ids }) => ids.length)), buckets);
  const ids = new Uint32Array(B * T).fill(padId);
  const mask = new Uint32Array(B * T);
  const labels = new Uint32Array(B);
  const weights = new Float32Array(B);
  samples.forEach((sample, row) => {
    ids.set(sample.ids, row * T);
    mask.fill(1, row * T, row * T + sample.ids.length);
    labels[row] = sample.label;
    weights[row] = 1 / total;
  });
  return { B, T, ids, mask, labels, weights, rows };
}

/**
 * Groups of rows without end: every epoch visits all rows once, in an order drawn anew from `stream`. An epoch's last group may have fewer than `count`.
 *
 * @throws {RangeError} (on the first draw) where there are no rows.
 */
export function* drawGroups<Row>(
  rows: readonly Row[],
  count: number,
  stream: RandomStream,
): Generator<readonly Row[], never, void> {
  if (rows.length === 0) {
    throw new RangeError("Cannot draw training batches: expected at least one row, got none");
  }
  while (true) yield* inGroups(stream.shuffle(rows), count);
}

/** Every row once, in order; the last group may have fewer than `count`. */
export function* inGroups<Row>(
  rows: readonly Row[],
  count: number,
): Generator<readonly Row[], void, void> {
  for (let start = 0; start < rows.length; start += count) yield rows.slice(start, start + count);
}

/** The poolings there are, in the order users see them. */
export const poolings = ["mean", "first", "last"] as const;

/** Which tokens of a row stand for it: all real ones equally, or the first or last real one. */
export type Pooling = typeof poolings[number];

/**
 * Weights [B, T] with which a row's token vectors add up to its pooled vector: they sum to 1 over a row's real tokens
 * and are 0 on padding. A row without real tokens has zeros only.
 *
 * @example
 * ```ts
 * import { makeBatch, maskedPoolingWeights } from "./batches.ts";
 * const batch = makeBatch([{ ids: new Uint32Array([5, 6]), label: 0 }], 1, [3], 0);
 * if (maskedPoolingWeights(batch, "mean").join() !== "0.5,0.5,0") throw new Error("unreachable");
 * ```
 */
export function maskedPoolingWeights(
  batch: Pick<Batch, "B" | "T" | "mask">,
  pooling: Pooling,
): Float32Array {
  const { B, T, mask } = batch;
  const weights = new Float32Array(B * T);
  for (let row = 0; row < B; row++) {
    const real = mask.subarray(row * T, (row + 1) * T);
    const length = real.reduce((sum, bit) => sum + bit, 0);
    if (length === 0) continue;
    if (pooling === "mean") real.forEach((bit, t) => weights[row * T + t] = bit / length);
    else weights[row * T + (pooling === "first" ? real.indexOf(1) : real.lastIndexOf(1))] = 1;
  }
  return weights;
}
