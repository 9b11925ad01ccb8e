/** The gradient of attention: dq, dk and dv at once, with the probabilities computed again (Dao 2023). @module */

import source from "../../../kernels/attention_backward.wgsl" with { type: "text" };
import statisticsSource from "../../../kernels/attention_backward_statistics.wgsl" with {
  type: "text",
};
import { elementwiseCall, sizeOf } from "../kernel_call.ts";
import { expectShape, type KernelCall, nodeBytes, type Op } from "../op.ts";
import type { Node } from "../program.ts";
import {
  type AttentionAttributes,
  attentionCall,
  attentionSizes,
  attentionUnits,
  scoreCount,
} from "./attention_sizes.ts";

export const attentionBackwardOp: Op<AttentionAttributes> = {
  name: "attention_backward",
  infer([q, k, v, mask, context, dcontext, logSumExp], { heads }) {
    const [batch, tokens] = q.shape;
    expectShape("attention_backward", v, k.shape);
    expectShape("attention_backward", mask, [batch, tokens]);
    expectShape("attention_backward", context, q.shape);
    expectShape("attention_backward", dcontext, q.shape);
    expectShape("attention_backward", logSumExp, [batch, heads, tokens]);
    return [
      { name: "dq", shape: q.shape },
      { name: "dk", shape: k.shape },
      { name: "dv", shape: v.shape },
    ];
  },
  cost(node) {
    const { headSize } = attentionSizes(node);
    return { flops: scoreCount(node) * (10 * headSize + 8), bytes: nodeBytes(node) };
  },
  kernel: attentionBackwardKernel,
  cpu: {
    ...attentionUnits,
    run(node, tensors, begin, end, { attention }) {
      const { attributes } = node as Node<AttentionAttributes>;
      const { tokens, headSize } = attentionSizes(node as Node<AttentionAttributes>);
      const [q, k, v] = [0, 1, 2].map((position) => tensors.f32(position));
      // The context at position 4 is for the kernel: here Σ context·dcontext comes of what is in the cache.
      const [dcontext, logSumExp, dq, dk, dv] = [5, 6, 7, 8, 9].map((position) =>
        tensors.f32(position)
      );
      const inputs = { q, k, v, mask: tensors.u32(3), dcontext, logSumExp };
      const call = { ...inputs, dq, dk, dv, tokens, headSize };
      attention.backward({ ...attributes, ...call }, begin, end);
    },
  },
};

/** First what is read of every row, with the mask beside it because the second dispatch may bind no more than eight tensors. */
function attentionBackwardKernel(node: Node<AttentionAttributes>): readonly KernelCall[] {
  const { heads, keyHeads } = node.attributes;
  const { batch, tokens, headSize } = attentionSizes(node);
  const [, , , mask, context, dcontext, logSumExp] = node.inputs;
  const count = batch * (2 * heads + 1) * tokens;
  const read = [mask, context, dcontext, logSumExp].reduce((sum, x) => sum + sizeOf(x), 0);
  return [
    {
      ...elementwiseCall(statisticsSource, count, {
        params: { heads, tokens, head_size: headSize },
      }),
      name: "attention_backward_statistics",
      bindings: [3, 4, 5, 6, "scratch"],
      scratch: count,
      cost: { flops: 2 * sizeOf(context), bytes: 4 * (read + count) },
    },
    {
      ...attentionCall(node, source, heads + keyHeads),
      bindings: [0, 1, 2, 5, "scratch", 7, 8, 9],
    },
  ];
}
