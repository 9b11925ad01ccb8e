/** Elementwise activation: GELU, tanh, ReLU, SiLU. @module */

import source from "../../../kernels/activation.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/activation_backward.wgsl" with { type: "text" };
import library from "../../../kernels/lib/activation.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Attributes, Node, Program, Tensor } from "../program.ts";
import { ACTIVATION_KINDS, type ActivationKind } from "./activation_functions.ts";

/** Which activation function a node applies. */
export interface ActivationAttributes extends Attributes {
  readonly kind: ActivationKind;
}

const kindOf = (node: Node) => (node as Node<ActivationAttributes>).attributes.kind;
const constants = (node: Node) => ({ KIND: ACTIVATION_KINDS[kindOf(node)] });

export const activationOp: Op<ActivationAttributes> = {
  name: "activation",
  infer: ([x], { kind }) => [{ name: `${kind} of ${x.name}`, shape: x.shape }],
  gradient: ({ program, node, outputGradients: [dy] }) => [
    dy && apply(program, activationBackwardOp, [node.inputs[0], dy], node.attributes)[0],
  ],
  cost: (node) => ({ flops: 10 * sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(library + source, sizeOf(node.outputs[0]), { constants: constants(node) }),
  cpu: elementwiseCpu(
    (node) => sizeOf(node.outputs[0]),
    (node, tensors, begin, end, { vector }) =>
      vector.activation(kindOf(node), tensors.f32(0), tensors.f32(1), begin, end),
  ),
};

export const activationBackwardOp: Op<ActivationAttributes> = {
  name: "activation_backward",
  infer([x, dy]) {
    expectShape("activation_backward", dy, x.shape);
    return [{ name: `d${x.name}`, shape: x.shape }];
  },
  cost: (node) => ({ flops: 12 * sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(library + backwardSource, sizeOf(node.outputs[0]), {
      constants: constants(node),
    }),
  cpu: elementwiseCpu(
    (node) => sizeOf(node.outputs[0]),
    (node, tensors, begin, end, { vector }) => {
      const x = tensors.f32(0), dy = tensors.f32(1), dx = tensors.f32(2);
      vector.activationBackward(kindOf(node), x, dy, dx, begin, end);
    },
  ),
};

/** f(x), elementwise. */
export function activation(program: Program, kind: ActivationKind, x: Tensor): Tensor {
  return apply(program, activationOp, [x], { kind })[0];
}
