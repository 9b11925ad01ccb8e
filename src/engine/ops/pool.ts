/** Weighted sum over tokens: mean, first or last token, by the weights. @module */

import source from "../../../kernels/pool.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/pool_backward.wgsl" with { type: "text" };
import { elementwiseCall, rowwiseCpu, sizeOf } from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";

export const poolOp: Op<Record<never, never>> = {
  name: "pool",
  infer([x, w]) {
    const [batch, tokens, width] = x.shape;
    expectShape("pool", w, [batch, tokens]);
    return [{ name: `${x.name} pooled`, shape: [batch, width] }];
  },
  gradient: ({ program, node, outputGradients: [dy] }) => [
    dy && apply(program, poolBackwardOp, [node.inputs[1], dy], {})[0],
    undefined,
  ],
  cost: (node) => ({ flops: 2 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel(node) {
    const [, tokens, width] = node.inputs[0].shape;
    return elementwiseCall(source, sizeOf(node.outputs[0]), { params: { tokens, width } });
  },
  cpu: rowwiseCpu((node) => node.inputs[0].shape[0], (node, tensors, begin, end) => {
    const x = tensors.f32(0), w = tensors.f32(1), y = tensors.f32(2);
    const [, tokens, width] = node.inputs[0].shape;
    for (let b = begin; b < end; b++) {
      for (let c = 0; c < width; c++) {
        let sum = 0;
        for (let t = 0; t < tokens; t++) sum += w[b * tokens + t] * x[(b * tokens + t) * width + c];
        y[b * width + c] = sum;
      }
    }
  }),
};

export const poolBackwardOp: Op<Record<never, never>> = {
  name: "pool_backward",
  infer: ([w, dy]) => [{ name: "dpooled", shape: [...w.shape, dy.shape[1]] }],
  cost: (node) => ({ flops: sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel(node) {
    const [, tokens, width] = node.outputs[0].shape;
    return elementwiseCall(backwardSource, sizeOf(node.outputs[0]), { params: { tokens, width } });
  },
  cpu: rowwiseCpu((node) => sizeOf(node.inputs[0]), (node, tensors, begin, end) => {
    const w = tensors.f32(0), dy = tensors.f32(1), dx = tensors.f32(2);
    const [, tokens, width] = node.outputs[0].shape;
    for (let n = begin; n < end; n++) {
      const row = Math.floor(n / tokens) * width;
      for (let c = 0; c < width; c++) dx[n * width + c] = w[n] * dy[row + c];
    }
  }),
};

/** y[b,c] = Σ_t w[b,t]·x[b,t,c]; x [B,T,C], w [B,T]. No gradient flows to w. */
export function pool(program: Program, x: Tensor, w: Tensor): Tensor {
  return apply(program, poolOp, [x, w], {})[0];
}
