/** Copies a tensor into a buffer: where a gradient has readers besides its slice. @module */

import source from "../../../kernels/copy.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import { applyTo, nodeBytes, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";

export const copyOp: Op<Record<never, never>> = {
  name: "copy",
  infer: ([x]) => [{ name: `${x.name} copy`, shape: x.shape }],
  cost: (node) => ({ flops: 0, bytes: nodeBytes(node) }),
  kernel: (node) => elementwiseCall(source, sizeOf(node.outputs[0])),
  cpu: elementwiseCpu((node) => sizeOf(node.outputs[0]), (_, tensors, begin, end) => {
    tensors.f32(1).set(tensors.f32(0).subarray(begin, end), begin);
  }),
};

/** Overwrites `target` with `x`. */
export function copyTo(program: Program, x: Tensor, target: Tensor): void {
  applyTo(program, copyOp, [x], {}, [target]);
}
