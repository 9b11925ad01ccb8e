/** Multi-head softmax attention, as every family uses it. @module */

import { attention as fusedAttention } from "../engine/ops/attention.ts";
import { attentionContext, attentionScores } from "../engine/ops/attention_matmul.ts";
import { cachedAttention } from "../engine/ops/cached_attention.ts";
import { LARGEST_HEAD_SIZE } from "../engine/ops/attention_sizes.ts";
import { maskedSoftmax } from "../engine/ops/masked_softmax.ts";
import type { Tensor } from "../engine/program.ts";
import type { ModelContext } from "./family.ts";

/** Scores [B,H,T,T] beyond which they do not fit WebGPU's default binding, 128 MiB: up to there the software adapter is faster step by step. */
export const LARGEST_SCORES: number = 2 ** 25;

/** How a family's attention is cut into heads. */
export interface AttentionShape {
  /** Query heads H. */
  readonly heads: number;
  /** Key and value heads, a divisor of H: H / keyHeads query heads share one (Ainslie et al. 2023). */
  readonly keyHeads: number;
  /** Head size D. */
  readonly headSize: number;
  /** Whether a token sees only itself and the tokens before it. */
  readonly causal: boolean;
}

/**
 * softmax(q·kᵀ / √D)·v for every head, over the real tokens (Vaswani et al. 2017), with dropout on the probabilities; in a program with a cache over the
 * tokens there and the new ones, which are not dropped or masked.
 * q [B,T,H·D], k and v [B,T,keyHeads·D]; the result is [B,T,H·D].
 */
export function attention(
  context: ModelContext,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { heads, keyHeads, headSize, causal }: AttentionShape,
): Tensor {
  const { program, inputs, documents = false } = context;
  const scale = 1 / Math.sqrt(headSize);
  if (context.cache !== undefined) {
    if (!causal) {
      throw new TypeError("Cannot keep keys and values of attention that sees later tokens");
    }
    const { cache } = context;
    const [keys, values] = [cache.append(k), cache.append(v)];
    return cachedAttention(program, q, keys, values, cache.cursor, { heads, keyHeads, scale });
  }
  const [B, T] = q.shape;
  const pays = context.device === "cpu" || B * heads * T * T > LARGEST_SCORES;
  // One operation never holds the probabilities that dropout would change.
  if (pays && !context.drops && headSize <= LARGEST_HEAD_SIZE) {
    return fusedAttention(program, q, k, v, inputs.mask, {
      heads,
      keyHeads,
      scale,
      causal,
      documents,
    });
  }
  const scores = attentionScores(program, q, k, heads, keyHeads);
  const probabilities = maskedSoftmax(program, scores, inputs.mask, scale, causal, documents);
  // Asked only where it drops something: a site that is not there in the other form must not shift the streams of those behind it.
  const kept = context.drops ? context.dropout(probabilities) : probabilities;
  return attentionContext(program, kept, v, heads, keyHeads);
}
