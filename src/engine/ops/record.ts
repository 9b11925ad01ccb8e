/** Writes a tensor into one row of a ring buffer, so that many steps are read back at once. @module */

import source from "../../../kernels/record.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import type { Op } from "../op.ts";
import { bufferTensor, type Program, type Tensor } from "../program.ts";

export const recordOp: Op<Record<never, never>> = {
  name: "record",
  infer: () => [],
  updates: true,
  cost: (node) => ({ flops: 0, bytes: 8 * sizeOf(node.inputs[0]) }),
  kernel: (node) =>
    elementwiseCall(source, sizeOf(node.inputs[0]), {
      params: { capacity: node.outputs[0].shape[0] },
    }),
  cpu: elementwiseCpu((node) => sizeOf(node.inputs[0]), (node, tensors, begin, end) => {
    const row = Math.min(tensors.u32(1)[0], node.outputs[0].shape[0] - 1);
    const count = sizeOf(node.inputs[0]);
    tensors.f32(2).set(tensors.f32(0).subarray(begin, end), row * count + begin);
  }),
};

/** Copies x into row cursor[0] of buffer `name`, [capacity, elements of x]; cursor [1] u32. */
export function record(
  program: Program,
  x: Tensor,
  cursor: Tensor,
  name: string,
  capacity: number,
): void {
  const rows = bufferTensor(program, "output", name, [capacity, sizeOf(x)]);
  program.nodes.push({ op: recordOp.name, inputs: [x, cursor], outputs: [rows], attributes: {} });
}
