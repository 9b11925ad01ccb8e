/** Elementwise sum: residual connections, and gradients that meet. @module */

import source from "../../../kernels/add.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";

export const addOp: Op<Record<never, never>> = {
  name: "add",
  infer([a, b]) {
    expectShape("add", b, a.shape);
    return [{ name: "sum", shape: a.shape }];
  },
  gradient: ({ outputGradients: [dy] }) => [dy, dy],
  cost: (node) => ({ flops: sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) => elementwiseCall(source, sizeOf(node.outputs[0])),
  cpu: elementwiseCpu(
    (node) => sizeOf(node.outputs[0]),
    (_, tensors, begin, end, { vector }) =>
      vector.add(tensors.f32(0), tensors.f32(1), tensors.f32(2), begin, end),
  ),
};

/** a + b, of equal shape. */
export function add(program: Program, a: Tensor, b: Tensor): Tensor {
  return apply(program, addOp, [a, b], {})[0];
}
