/** The gradient of attention: what it needs of each row first, then dq, dk and dv at once, with the probabilities computed again (Dao 2023). @module */

import source from "../../../kernels/attention_backward.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import statisticsSource from "../../../kernels/attention_statistics.wgsl" with { type: "text" };
import { attentionScratchBytes } from "../cpu/attention_wasm.ts";
import { elementwiseCall, sizeOf } from "../kernel_call.ts";
import { expectShape, nodeBytes, type Op } from "../op.ts";
import type { Node } from "../program.ts";
import {
  type AttentionAttributes,
  attentionCall,
  attentionSizes,
  scoreCount,
} from "./attention_sizes.ts";

/**
 * context, dcontext [B,T,H·D], log-sum-exp [B,H,T], mask [B,T] → [B,2·H+1,T]: rows of log-sum-exp by head, of Σ context·dcontext by head, and the mask as 0
 * or 1. In one tensor, because the gradient's kernel may bind no more than eight.
 */
export const attentionStatisticsOp: Op<Record<never, never>> = {
  name: "attention_statistics",
  infer([context, dcontext, logSumExp, mask]) {
    const [batch, heads, tokens] = logSumExp.shape;
    expectShape("attention_statistics", context, [batch, tokens, context.shape[2]]);
    expectShape("attention_statistics", dcontext, context.shape);
    expectShape("attention_statistics", mask, [batch, tokens]);
    return [{ name: "statistics", shape: [batch, 2 * heads + 1, tokens] }];
  },
  cost: (node) => ({ flops: 2 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel(node) {
    const [context, , logSumExp] = node.inputs;
    const [, heads, tokens] = logSumExp.shape;
    return elementwiseCall(statisticsSource, sizeOf(node.outputs[0]), {
      params: { heads, tokens, head_size: context.shape[2] / heads },
    });
  },
  cpu: {
    units: ({ outputs: [statistics] }) => statistics.shape[0] * statistics.shape[1],
    run(node, tensors, begin, end, { attention }) {
      const [x, y, logSumExp] = [0, 1, 2].map((position) => tensors.f32(position));
      const mask = tensors.u32(3), result = tensors.f32(4);
      const [, heads, tokens] = node.inputs[2].shape;
      const rowsOfEntry = 2 * heads + 1;
      const stride = node.inputs[0].shape[2], width = stride / heads;
      for (let row = begin; row < end; row++) {
        const entry = Math.floor(row / rowsOfEntry), part = row % rowsOfEntry;
        const resultOffset = row * tokens;
        if (part < heads) {
          const start = (entry * heads + part) * tokens;
          result.set(logSumExp.subarray(start, start + tokens), resultOffset);
        } else if (part < 2 * heads) {
          const offset = entry * tokens * stride + (part - heads) * width;
          attention.dotRows({ x, y, offset, stride, rows: tokens, width, result, resultOffset });
        } else {
          for (let j = 0; j < tokens; j++) {
            result[resultOffset + j] = mask[entry * tokens + j] === 0 ? 0 : 1;
          }
        }
      }
    },
  },
};

export const attentionBackwardOp: Op<AttentionAttributes> = {
  name: "attention_backward",
  infer([q, k, v, dcontext, statistics], { heads }) {
    const [batch, tokens] = q.shape;
    expectShape("attention_backward", v, k.shape);
    expectShape("attention_backward", dcontext, q.shape);
    expectShape("attention_backward", statistics, [batch, 2 * heads + 1, tokens]);
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
  kernel(node) {
    const { heads, keyHeads } = node.attributes;
    return attentionCall(node, indexLibrary + source, heads + keyHeads);
  },
  cpu: {
    units: ({ inputs: [q], attributes }) => q.shape[0] * (attributes.keyHeads as number),
    scratch(node) {
      const { tokens, headSize } = attentionSizes(node as Node<AttentionAttributes>);
      return attentionScratchBytes(tokens, headSize);
    },
    run(node, tensors, begin, end, { attention }) {
      const { attributes } = node as Node<AttentionAttributes>;
      const { tokens, headSize } = attentionSizes(node as Node<AttentionAttributes>);
      const [q, k, v, dcontext, statistics, dq, dk, dv] = [0, 1, 2, 3, 4, 5, 6, 7].map((position) =>
        tensors.f32(position)
      );
      const mask = {
        mask: statistics,
        maskOffset: 2 * attributes.heads * tokens,
        maskStride: (2 * attributes.heads + 1) * tokens,
      };
      const call = { q, k, v, ...mask, dcontext, statistics, dq, dk, dv, tokens, headSize };
      attention.backward({ ...attributes, ...call }, begin, end);
    },
  },
};
