import { type AttentionShape, forEachPair } from "./attention_scores.ts";
import { type Numbers, requireLength } from "./numbers.ts";

/** Gradients of {@link attentionContext}. */
export interface AttentionContextGradients {
  /** [B, H, T, T] */
  readonly dp: Float64Array;
  /** [B, T, Hkv, D] */
  readonly dv: Float64Array;
}

/**
 * Values weighted by probabilities: P [B, H, T, T], v [B, T, Hkv, D] → [B, T, H, D]; heads shared
 * as in attentionScores.
 */
export function attentionContext(P: Numbers, v: Numbers, shape: AttentionShape): Float64Array {
  const { B, T, H, Hkv, D } = shape;
  requireLength("P", P, B * H * T * T);
  requireLength("v", v, B * T * Hkv * D);
  const context = new Float64Array(B * T * H * D);
  forEachPair(shape, (p, query, value) => {
    for (let d = 0; d < D; d++) context[query + d] += P[p] * v[value + d];
  });
  return context;
}

/** Gradients of {@link attentionContext} for dY [B, T, H, D]. */
export function attentionContextBackward(
  dY: Numbers,
  P: Numbers,
  v: Numbers,
  shape: AttentionShape,
): AttentionContextGradients {
  const { B, T, H, Hkv, D } = shape;
  requireLength("dY", dY, B * T * H * D);
  requireLength("P", P, B * H * T * T);
  requireLength("v", v, B * T * Hkv * D);
  const dp = new Float64Array(P.length);
  const dv = new Float64Array(v.length);
  forEachPair(shape, (p, query, value) => {
    for (let d = 0; d < D; d++) {
      dp[p] += dY[query + d] * v[value + d];
      dv[value + d] += dY[query + d] * P[p];
    }
  });
  return { dp, dv };
}
