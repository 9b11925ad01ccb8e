import { attentionContext, attentionContextBackward } from "./attention_context.ts";
import {
  attentionScores,
  attentionScoresBackward,
  type AttentionShape,
} from "./attention_scores.ts";
import { maskedSoftmax, maskedSoftmaxBackward } from "./masked_softmax.ts";
import type { Numbers } from "./numbers.ts";

/** Which keys a query may see, and the scores' factor. */
export interface AttentionSettings {
  readonly mask: Numbers;
  readonly scale: number;
  readonly causal: boolean;
  /** Whether the mask numbers documents, see {@link maskedSoftmax}. */
  readonly documents?: boolean;
}

/** Gradients of {@link attention}. */
export interface AttentionGradients {
  /** [B, T, H, D] */
  readonly dq: Float64Array;
  /** [B, T, Hkv, D] */
  readonly dk: Float64Array;
  /** [B, T, Hkv, D] */
  readonly dv: Float64Array;
}

/** Multi-head attention: q [B, T, H, D], k and v [B, T, Hkv, D], mask [B, T] → [B, T, H, D]. */
export function attention(
  q: Numbers,
  k: Numbers,
  v: Numbers,
  shape: AttentionShape,
  settings: AttentionSettings,
): Float64Array {
  return attentionContext(probabilities(q, k, shape, settings), v, shape);
}

/** Gradients of {@link attention} for dY [B, T, H, D]. */
export function attentionBackward(
  dY: Numbers,
  q: Numbers,
  k: Numbers,
  v: Numbers,
  shape: AttentionShape,
  settings: AttentionSettings,
): AttentionGradients {
  const P = probabilities(q, k, shape, settings);
  const { dp, dv } = attentionContextBackward(dY, P, v, shape);
  const dS = maskedSoftmaxBackward(dp, P, shape, settings.scale);
  return { ...attentionScoresBackward(dS, q, k, shape), dv };
}

function probabilities(
  q: Numbers,
  k: Numbers,
  shape: AttentionShape,
  { mask, scale, causal, documents }: AttentionSettings,
): Float64Array {
  return maskedSoftmax(attentionScores(q, k, shape), mask, shape, scale, causal, documents);
}
