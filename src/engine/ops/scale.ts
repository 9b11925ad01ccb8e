/** A tensor times a number: Gemma's embeddings. @module */

import source from "../../../kernels/scale.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import { apply, nodeBytes, type Op } from "../op.ts";
import type { Attributes, Node, Program, Tensor } from "../program.ts";

interface ScaleAttributes extends Attributes {
  readonly factor: number;
}

export const scaleOp: Op<ScaleAttributes> = {
  name: "scale",
  infer: ([x], { factor }) => [{ name: `${factor} times ${x.name}`, shape: x.shape }],
  gradient: ({ program, node, outputGradients: [dy] }) => [
    dy && apply(program, scaleOp, [dy], node.attributes)[0],
  ],
  cost: (node) => ({ flops: sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel: ({ outputs: [y], attributes: { factor } }) =>
    elementwiseCall(source, sizeOf(y), { params: { factor } }),
  cpu: elementwiseCpu((node) => sizeOf(node.outputs[0]), (node, tensors, begin, end) => {
    const factor = Math.fround((node as Node<ScaleAttributes>).attributes.factor);
    const x = tensors.f32(0), y = tensors.f32(1);
    for (let i = begin; i < end; i++) y[i] = factor * x[i];
  }),
};

/** factor·x, elementwise. */
export function scale(program: Program, x: Tensor, factor: number): Tensor {
  return apply(program, scaleOp, [x], { factor })[0];
}
