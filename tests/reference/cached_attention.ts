import type { Numbers } from "./numbers.ts";

/** Sizes of {@link cachedAttention}: T queries, the first of which sees `before` keys and its own. */
export interface CachedAttentionShape {
  readonly T: number;
  readonly before: number;
  readonly H: number;
  readonly Hkv: number;
  readonly D: number;
}

/** Query t over the keys j ≤ before + t: q [T, H, D], keys and values [before + T or more, Hkv, D] → [T, H, D]. */
export function cachedAttention(
  q: Numbers,
  keys: Numbers,
  values: Numbers,
  { T, before, H, Hkv, D }: CachedAttentionShape,
  scale: number,
): Float64Array {
  const y = new Float64Array(T * H * D);
  for (let t = 0; t < T; t++) {
    for (let h = 0; h < H; h++) {
      const head = Math.floor(h / (H / Hkv));
      const query = (t * H + h) * D;
      const scores = Array.from({ length: before + t + 1 }, (_, j) => {
        let score = 0;
        for (let d = 0; d < D; d++) score += q[query + d] * keys[(j * Hkv + head) * D + d];
        return scale * score;
      });
      const highest = scores.reduce((one, other) => Math.max(one, other));
      const weights = scores.map((score) => Math.exp(score - highest));
      const sum = weights.reduce((one, other) => one + other);
      for (let d = 0; d < D; d++) {
        weights.forEach((weight, j) => {
          y[query + d] += weight / sum * values[(j * Hkv + head) * D + d];
        });
      }
    }
  }
  return y;
}
