/** Weighted cross-entropy of logits against labels, a loss per row. @module */

import source from "../../../kernels/cross_entropy.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/cross_entropy_backward.wgsl" with { type: "text" };
import {
  rowsOf,
  rowwiseCall,
  rowwiseCpu,
  rowwiseVariants,
  sizeOf,
  widthOf,
} from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";

export const crossEntropyOp: Op<Record<never, never>> = {
  name: "cross_entropy",
  saved: 1,
  infer([logits, labels, weights]) {
    const rows = rowsOf(logits);
    for (const tensor of [labels, weights]) {
      if (sizeOf(tensor) !== rows) expectShape("cross_entropy", tensor, [rows]);
    }
    return [{ name: "row losses", shape: [rows] }, { name: "log sum exp", shape: [rows] }];
  },
  gradient({ program, node, outputGradients: [dloss] }) {
    if (!dloss) return [undefined, undefined, undefined];
    const inputs = [...node.inputs, node.outputs[1], dloss];
    return [apply(program, crossEntropyBackwardOp, inputs, {})[0], undefined, undefined];
  },
  cost: (node) => ({ flops: 5 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node, variant) =>
    rowwiseCall(source, rowsOf(node.inputs[0]), widthOf(node.inputs[0]), {
      features: node.outputs.length > 1 ? ["SAVE"] : [],
      params: { classes: widthOf(node.inputs[0]) },
    }, variant),
  variants: rowwiseVariants,
  cpu: rowwiseCpu((node) => rowsOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const logits = tensors.f32(0), labels = tensors.u32(1), weights = tensors.f32(2);
    const loss = tensors.f32(3), logSums = node.outputs.length > 1 ? tensors.f32(4) : undefined;
    const width = widthOf(node.inputs[0]);
    vector.crossEntropy({ logits, labels, weights, loss, logSums, width }, begin, end);
  }),
};

export const crossEntropyBackwardOp: Op<Record<never, never>> = {
  name: "cross_entropy_backward",
  infer: ([logits]) => [{ name: "dlogits", shape: logits.shape }],
  cost: (node) => ({ flops: 4 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node, variant) =>
    rowwiseCall(backwardSource, rowsOf(node.inputs[0]), widthOf(node.inputs[0]), {
      params: { classes: widthOf(node.inputs[0]) },
    }, variant),
  variants: rowwiseVariants,
  cpu: rowwiseCpu((node) => rowsOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const logits = tensors.f32(0), labels = tensors.u32(1), weights = tensors.f32(2);
    const logSums = tensors.f32(3), dloss = tensors.f32(4), dlogits = tensors.f32(5);
    const width = widthOf(node.inputs[0]);
    const call = { logits, labels, weights, logSums, dloss, dlogits, width };
    vector.crossEntropyBackward(call, begin, end);
  }),
};

/**
 * weights[n]·(log Σ_c exp logits[n,c] − logits[n, labels[n]]) for every row n; 0 for IGNORED_LABEL (ignored_label.ts). logits [..., L]; labels u32 and
 * weights one a row. With weights 1/rows the sum over rows is PyTorch's mean loss.
 */
export function crossEntropy(
  program: Program,
  logits: Tensor,
  labels: Tensor,
  weights: Tensor,
): Tensor {
  return apply(program, crossEntropyOp, [logits, labels, weights], {})[0];
}
