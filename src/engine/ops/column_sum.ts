/** Sum over all axes but the last: the gradient of a bias. @module */

import source from "../../../kernels/column_sum.wgsl" with { type: "text" };
import { elementwiseCall, rowsOf, rowwiseCpu, sizeOf, widthOf } from "../kernel_call.ts";
import { apply, nodeBytes, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";

export const columnSumOp: Op<Record<never, never>> = {
  name: "column_sum",
  infer: ([x]) => [{ name: `${x.name} column sum`, shape: [widthOf(x)] }],
  cost: (node) => ({ flops: sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(source, widthOf(node.inputs[0]), { params: { rows: rowsOf(node.inputs[0]) } }),
  cpu: rowwiseCpu((node) => widthOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const x = tensors.f32(0), y = tensors.f32(1);
    const width = widthOf(node.inputs[0]), rows = rowsOf(node.inputs[0]);
    vector.columnSums({ x, y, rows, width }, begin, end);
  }),
};

/** x[..., c] summed over all leading axes, [C]. */
export function columnSum(program: Program, x: Tensor): Tensor {
  return apply(program, columnSumOp, [x], {})[0];
}
