import { type Numbers, requireLength } from "./numbers.ts";

/** Batch, tokens, query heads, key/value heads (a divisor of H) and head size. */
export interface AttentionShape {
  readonly B: number;
  readonly T: number;
  readonly H: number;
  readonly Hkv: number;
  readonly D: number;
}

/** Gradients of {@link attentionScores}. */
export interface AttentionScoresGradients {
  /** [B, T, H, D] */
  readonly dq: Float64Array;
  /** [B, T, Hkv, D] */
  readonly dk: Float64Array;
}

/**
 * Raw dot products, unscaled and unmasked: q [B, T, H, D], k [B, T, Hkv, D] → S [B, H, T, T];
 * query head h reads key head
 * floor(h / (H / Hkv)) (grouped-query attention, Ainslie et al. 2023).
 */
export function attentionScores(q: Numbers, k: Numbers, shape: AttentionShape): Float64Array {
  const { B, T, H, Hkv, D } = shape;
  requireLength("q", q, B * T * H * D);
  requireLength("k", k, B * T * Hkv * D);
  const scores = new Float64Array(B * H * T * T);
  forEachPair(shape, (s, query, key) => {
    for (let d = 0; d < D; d++) scores[s] += q[query + d] * k[key + d];
  });
  return scores;
}

/** Gradients of {@link attentionScores} for dS [B, H, T, T]. */
export function attentionScoresBackward(
  dS: Numbers,
  q: Numbers,
  k: Numbers,
  shape: AttentionShape,
): AttentionScoresGradients {
  const { B, T, H, Hkv, D } = shape;
  requireLength("dS", dS, B * H * T * T);
  requireLength("q", q, B * T * H * D);
  requireLength("k", k, B * T * Hkv * D);
  const dq = new Float64Array(q.length);
  const dk = new Float64Array(k.length);
  forEachPair(shape, (s, query, key) => {
    for (let d = 0; d < D; d++) {
      dq[query + d] += dS[s] * k[key + d];
      dk[key + d] += dS[s] * q[query + d];
    }
  });
  return { dq, dk };
}

/**
 * Visits every (batch, head, query i, key j) with the offset of S[b, h, i, j], of the query row
 * [b, i, h] and of the key
 * (or value) row [b, j, h's key head].
 */
export function forEachPair(
  { B, T, H, Hkv, D }: AttentionShape,
  visit: (score: number, queryRow: number, keyRow: number) => void,
): void {
  if (H % Hkv !== 0) {
    throw new RangeError(`Cannot share ${Hkv} key heads: expected a divisor of ${H} query heads`);
  }
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const keyHead = Math.floor(h / (H / Hkv));
      for (let i = 0; i < T; i++) {
        for (let j = 0; j < T; j++) {
          visit(
            ((b * H + h) * T + i) * T + j,
            ((b * T + i) * H + h) * D,
            ((b * T + j) * Hkv + keyHead) * D,
          );
        }
      }
    }
  }
}
