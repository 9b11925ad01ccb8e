/** Which tokens of a row are predicted, and what stands in their place. @module */

import type { RandomStream } from "../protocol/random.ts";

/** Ids that masking needs to know. */
export interface MaskingTokens {
  /** Id of the mask token. */
  readonly mask: number;
  /** Token ids V; random replacements are drawn below it. */
  readonly vocabulary: number;
  /** Ids that are never predicted nor drawn as a replacement: special tokens. */
  readonly special: ReadonlySet<number>;
}

/** Tokens of one row to predict: their places, and what stood there. */
export interface Predictions {
  readonly places: readonly number[];
  readonly labels: readonly number[];
}

/** Tokens of a row of T that are predicted at a rate, at least one. */
export function maskedCount(tokens: number, rate: number): number {
  return Math.max(1, Math.round(rate * tokens));
}

/**
 * Masks up to `count` tokens of a row in place, as BERT does (Devlin et al. 2019, §3.1): four in five become the mask token, one in ten a random
 * token, and one in ten stays. A row with fewer tokens that may be predicted has fewer.
 *
 * @example
 * ```ts
 * import { maskRow } from "./masking.ts";
 * import { randomStream } from "../protocol/random.ts";
 * const row = Uint32Array.of(2, 7, 8, 9, 3);
 * const special = new Set([0, 1, 2, 3, 4]);
 * const { places, labels } = maskRow(row, 2, { mask: 4, vocabulary: 10, special }, randomStream(1));
 * if (places.some((place, i) => labels[i] !== [2, 7, 8, 9, 3][place])) throw new Error("unreachable");
 * ```
 */
export function maskRow(
  row: Uint32Array,
  count: number,
  { mask, vocabulary, special }: MaskingTokens,
  random: RandomStream,
): Predictions {
  const candidates = [...row.keys()].filter((place) => !special.has(row[place]));
  const taken = Math.min(count, candidates.length);
  // The first draws of a Fisher-Yates shuffle.
  for (let i = 0; i < taken; i++) {
    const j = i + random.integer(candidates.length - i);
    [candidates[i], candidates[j]] = [candidates[j], candidates[i]];
  }
  const places = candidates.slice(0, taken).sort((x, y) => x - y);
  const labels = places.map((place) => row[place]);
  for (const place of places) {
    const draw = random.uniform();
    if (draw < 0.8) row[place] = mask;
    else if (draw < 0.9) row[place] = randomToken(vocabulary, special, random);
  }
  return { places, labels };
}

function randomToken(
  vocabulary: number,
  special: ReadonlySet<number>,
  random: RandomStream,
): number {
  for (;;) {
    const id = random.integer(vocabulary);
    if (!special.has(id)) return id;
  }
}
