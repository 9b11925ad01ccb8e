/** A constant tensor: the ones a gradient starts from, the zeros a scatter adds to. @module */

import source from "../../../kernels/fill.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import {
  activationTensor,
  type Attributes,
  type Node,
  type Program,
  type Tensor,
} from "../program.ts";
import { nodeBytes, type Op } from "../op.ts";

interface FillAttributes extends Attributes {
  readonly value: number;
}

export const fillOp: Op<FillAttributes> = {
  name: "fill",
  infer: () => [],
  cost: (node) => ({ flops: 0, bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(source, sizeOf(node.outputs[0]), { params: { value: node.attributes.value } }),
  cpu: elementwiseCpu((node) => sizeOf(node.outputs[0]), (node, tensors, begin, end) => {
    tensors.f32(0).fill((node as Node<FillAttributes>).attributes.value, begin, end);
  }),
};

/** A tensor whose elements all are `value`. */
export function fill(program: Program, shape: readonly number[], value: number): Tensor {
  const y = activationTensor(program, `filled with ${value}`, shape);
  program.nodes.push({ op: fillOp.name, inputs: [], outputs: [y], attributes: { value } });
  return y;
}
