/** f(a)·b elementwise: the SiLU gate of Llama's feed-forward layer (Shazeer 2020, SwiGLU). @module */

import source from "../../../kernels/gate.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/gate_backward.wgsl" with { type: "text" };
import library from "../../../kernels/lib/activation.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Node, Program, Tensor } from "../program.ts";
import type { ActivationAttributes } from "./activation.ts";
import { ACTIVATION_KINDS, type ActivationKind } from "./activation_functions.ts";

const kindOf = (node: Node) => (node as Node<ActivationAttributes>).attributes.kind;
const constants = (node: Node) => ({ KIND: ACTIVATION_KINDS[kindOf(node)] });

export const gateOp: Op<ActivationAttributes> = {
  name: "gate",
  infer([a, b]) {
    expectShape("gate", b, a.shape);
    return [{ name: "gated", shape: a.shape }];
  },
  gradient: ({ program, node, outputGradients: [dy] }) =>
    dy
      ? apply(program, gateBackwardOp, [...node.inputs, dy], node.attributes)
      : [undefined, undefined],
  cost: (node) => ({ flops: 10 * sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(library + source, sizeOf(node.outputs[0]), { constants: constants(node) }),
  cpu: elementwiseCpu(
    (node) => sizeOf(node.outputs[0]),
    (node, tensors, begin, end, { vector }) => {
      const a = tensors.f32(0), b = tensors.f32(1), y = tensors.f32(2);
      vector.gate(kindOf(node), a, b, y, begin, end);
    },
  ),
};

export const gateBackwardOp: Op<ActivationAttributes> = {
  name: "gate_backward",
  infer([a, b, dy]) {
    expectShape("gate_backward", dy, a.shape);
    return [{ name: `d${a.name}`, shape: a.shape }, { name: `d${b.name}`, shape: b.shape }];
  },
  cost: (node) => ({ flops: 20 * sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(library + backwardSource, sizeOf(node.outputs[0]), {
      constants: constants(node),
    }),
  cpu: elementwiseCpu(
    (node) => sizeOf(node.outputs[0]),
    (node, tensors, begin, end, { vector }) => {
      const [a, b, dy, da, db] = [0, 1, 2, 3, 4].map((position) => tensors.f32(position));
      vector.gateBackward(kindOf(node), { a, b, dy, da, db }, begin, end);
    },
  ),
};

/** f(a)·b, of equal shape. */
export function gate(program: Program, kind: ActivationKind, a: Tensor, b: Tensor): Tensor {
  return apply(program, gateOp, [a, b], { kind })[0];
}
