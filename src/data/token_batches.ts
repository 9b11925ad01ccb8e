/** Batches of a language model. @module */

import { bucketFor } from "./batches.ts";
import type { TokenBatch, TokenRow } from "./types.ts";

/**
 * Packs 1 to `B` rows of tokens into one batch, as long as the smallest bucket that fits its longest row.
 *
 * @param weight Of each prediction; those of padding weigh 0.
 * @throws {RangeError} where the rows are none or more than `B`, or one is longer than every bucket.
 *
 * @example
 * ```ts
 * import { makeTokenBatch } from "./token_batches.ts";
 * const row = {
 *   ids: new Uint32Array([5, 6, 7]),
 *   documents: new Uint32Array([1, 1, 2]),
 *   learned: new Uint8Array([0, 1, 0]),
 * };
 * const { mask, positions, places, labels, weights } = makeTokenBatch([row], 1, [4], 0, 1);
 * if (mask.join() !== "1,1,2,0" || positions.join() !== "0,1,0,0") throw new Error("unreachable");
 * // From place 0 the token 6 is predicted.
 * if (places[0] !== 0 || labels[0] !== 6 || weights.join() !== "1,0,0") throw new Error("unreachable");
 * ```
 */
export function makeTokenBatch(
  rows: readonly TokenRow[],
  B: number,
  buckets: readonly number[],
  padId: number,
  weight: number,
): TokenBatch {
  if (rows.length < 1 || rows.length > B) {
    throw new RangeError(
      `Cannot make a batch of ${B} rows: expected 1 to ${B} rows, got ${rows.length}`,
    );
  }
  const T = bucketFor(Math.max(...rows.map(({ ids }) => ids.length)), buckets);
  const P = B * (T - 1);
  const ids = new Uint32Array(B * T).fill(padId);
  const mask = new Uint32Array(B * T);
  const positions = new Uint32Array(B * T);
  const places = new Uint32Array(P), labels = new Uint32Array(P), weights = new Float32Array(P);
  let predictions = 0;
  rows.forEach((row, b) => {
    ids.set(row.ids, b * T);
    mask.set(row.documents, b * T);
    row.ids.forEach((id, t) => {
      const at = b * T + t;
      if (t === 0 || row.documents[t] !== row.documents[t - 1]) return;
      positions[at] = positions[at - 1] + 1;
      if (row.learned[t] === 0) return;
      places[predictions] = at - 1;
      labels[predictions] = id;
      weights[predictions] = weight;
      predictions++;
    });
  });
  return { B, T, ids, mask, positions, places, labels, weights, predictions };
}
