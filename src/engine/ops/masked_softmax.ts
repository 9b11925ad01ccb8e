/** Softmax over the keys a query may see. @module */

import source from "../../../kernels/masked_softmax.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/masked_softmax_backward.wgsl" with { type: "text" };
import {
  rowsOf,
  rowwiseCall,
  rowwiseCpu,
  rowwiseVariants,
  sizeOf,
  widthOf,
} from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Attributes, Node, Program, Tensor } from "../program.ts";

interface SoftmaxAttributes extends Attributes {
  readonly scale: number;
  readonly causal: boolean;
  readonly documents: boolean;
}

export const maskedSoftmaxOp: Op<SoftmaxAttributes> = {
  name: "masked_softmax",
  infer([scores, mask]) {
    const [batch, , tokens] = scores.shape;
    expectShape("masked_softmax", scores, [batch, scores.shape[1], tokens, tokens]);
    expectShape("masked_softmax", mask, [batch, tokens]);
    return [{ name: "probabilities", shape: scores.shape }];
  },
  gradient: ({ program, node, outputGradients: [dp] }) => [
    dp && apply(program, maskedSoftmaxBackwardOp, [node.outputs[0], dp], {
      scale: node.attributes.scale,
    })[0],
    undefined,
  ],
  cost: (node) => ({ flops: 8 * sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel(node, variant) {
    const [, heads, tokens] = node.inputs[0].shape;
    return rowwiseCall(source, rowsOf(node.inputs[0]), tokens, {
      features: node.attributes.documents ? ["DOCUMENTS"] : [],
      constants: { CAUSAL: node.attributes.causal ? 1 : 0 },
      params: { heads, tokens, scale: node.attributes.scale },
    }, variant);
  },
  variants: rowwiseVariants,
  cpu: rowwiseCpu((node) => rowsOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const { scale, causal, documents } = (node as Node<SoftmaxAttributes>).attributes;
    const [, heads, tokens] = node.inputs[0].shape;
    const scores = tensors.f32(0), mask = tensors.u32(1), probabilities = tensors.f32(2);
    const call = { scores, mask, probabilities, heads, tokens, scale, causal, documents };
    vector.maskedSoftmax(call, begin, end);
  }),
};

export const maskedSoftmaxBackwardOp: Op<{ readonly scale: number }> = {
  name: "masked_softmax_backward",
  infer([p, dp]) {
    expectShape("masked_softmax_backward", dp, p.shape);
    return [{ name: "dscores", shape: p.shape }];
  },
  cost: (node) => ({ flops: 5 * sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel: (node, variant) =>
    rowwiseCall(backwardSource, rowsOf(node.inputs[0]), widthOf(node.inputs[0]), {
      params: { tokens: widthOf(node.inputs[0]), scale: node.attributes.scale },
    }, variant),
  variants: rowwiseVariants,
  cpu: rowwiseCpu((node) => rowsOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const { scale } = (node as Node<{ readonly scale: number }>).attributes;
    const p = tensors.f32(0), dp = tensors.f32(1), ds = tensors.f32(2);
    vector.maskedSoftmaxBackward({ p, dp, ds, width: widthOf(node.inputs[0]), scale }, begin, end);
  }),
};

/**
 * softmax over j of scale·scores[b,h,i,j], over the keys with mask[b,j] not 0 and, where causal, j ≤ i; 0 elsewhere. A row without any such key is all 0.
 * scores [B,H,T,T], mask [B,T] u32; scale > 0. Where `documents`, the mask numbers the documents of a row, from 1, each of which lies in one piece, and a query
 * sees keys of its own alone.
 */
export function maskedSoftmax(
  program: Program,
  scores: Tensor,
  mask: Tensor,
  scale: number,
  causal: boolean,
  documents = false,
): Tensor {
  return apply(program, maskedSoftmaxOp, [scores, mask], { scale, causal, documents })[0];
}
