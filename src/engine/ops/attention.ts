/** Attention in one operation, which keeps none of its scores (Dao 2023). @module */

import source from "../../../kernels/attention.wgsl" with { type: "text" };
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Node, Program, Tensor } from "../program.ts";
import { attentionBackwardOp } from "./attention_backward.ts";
import {
  type AttentionAttributes,
  attentionCall,
  attentionSizes,
  attentionUnits,
  checkHeads,
  LARGEST_HEAD_SIZE,
  scoreCount,
} from "./attention_sizes.ts";

export const attentionOp: Op<AttentionAttributes> = {
  name: "attention",
  saved: 1,
  infer([q, k, v, mask], { heads, keyHeads }) {
    const [batch, tokens, width] = q.shape;
    checkHeads(q, heads, keyHeads, LARGEST_HEAD_SIZE);
    expectShape("attention", k, [batch, tokens, width / heads * keyHeads]);
    expectShape("attention", v, k.shape);
    expectShape("attention", mask, [batch, tokens]);
    return [
      { name: "context", shape: q.shape },
      { name: "log-sum-exp", shape: [batch, heads, tokens] },
    ];
  },
  gradient({ program, node, outputGradients: [dcontext] }) {
    if (!dcontext) return [undefined, undefined, undefined, undefined];
    const [q, k, v, mask] = node.inputs;
    const [context, logSumExp] = node.outputs;
    const inputs = [q, k, v, mask, context, dcontext, logSumExp];
    return [...apply(program, attentionBackwardOp, inputs, node.attributes), undefined];
  },
  cost(node) {
    const { headSize } = attentionSizes(node);
    return { flops: scoreCount(node) * (4 * headSize + 8), bytes: nodeBytes(node) };
  },
  kernel(node) {
    const features = node.outputs.length > 1 ? ["LOG_SUM_EXP"] : [];
    return attentionCall(node, source, node.attributes.heads, features);
  },
  cpu: {
    ...attentionUnits,
    run(node, tensors, begin, end, { attention }) {
      const { attributes } = node as Node<AttentionAttributes>;
      const { tokens, headSize } = attentionSizes(node as Node<AttentionAttributes>);
      const [q, k, v, context] = [0, 1, 2, 4].map((position) => tensors.f32(position));
      const logSumExp = node.outputs.length > 1 ? tensors.f32(5) : undefined;
      const call = { q, k, v, mask: tensors.u32(3), context, logSumExp, tokens, headSize };
      attention.forward({ ...attributes, ...call }, begin, end);
    },
  },
};

/**
 * softmax(scale·q·kᵀ)·v for every head, over the keys with mask[b,j] not 0 and, where causal, j ≤ i: [B,T,H·D]. A query without any such key gets 0.
 * Where `documents`, these are the keys of the query's own document, which the mask numbers.
 * q [B,T,H·D] with D up to {@linkcode LARGEST_HEAD_SIZE}, k and v [B,T,Hkv·D], of which H / Hkv query heads share a head (Ainslie et al. 2023), mask [B,T] u32.
 */
export function attention(
  program: Program,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor,
  attributes: AttentionAttributes,
): Tensor {
  return apply(program, attentionOp, [q, k, v, mask], attributes)[0];
}
