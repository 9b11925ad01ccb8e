/** Selects columns by a mask: the rank-1 components that a client's forward pass uses. @module */

import source from "../../../kernels/column_mask.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf, widthOf } from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";

export const columnMaskOp: Op<Record<never, never>> = {
  name: "column_mask",
  infer([x, mask]) {
    expectShape("column_mask", mask, [widthOf(x)]);
    return [{ name: `${x.name} masked`, shape: x.shape }];
  },
  gradient: ({ program, node, outputGradients: [dy], wanted }) => [
    wanted[0] && dy ? columnMask(program, dy, node.inputs[1]) : undefined,
    undefined,
  ],
  cost: (node) => ({ flops: 0, bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(source, sizeOf(node.outputs[0]), {
      params: { columns: widthOf(node.outputs[0]) },
    }),
  cpu: elementwiseCpu((node) => sizeOf(node.outputs[0]), (node, tensors, begin, end) => {
    const x = tensors.f32(0), mask = tensors.u32(1), y = tensors.f32(2);
    const columns = widthOf(node.outputs[0]);
    for (let i = begin; i < end; i++) y[i] = mask[i % columns] !== 0 ? x[i] : 0;
  }),
};

/** x[..., c] where mask[c] is not 0, else 0. */
export function columnMask(program: Program, x: Tensor, mask: Tensor): Tensor {
  return apply(program, columnMaskOp, [x, mask], {})[0];
}
