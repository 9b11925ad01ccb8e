/** Adds a tensor to what a buffer holds: gradients of several batches come to one sum before a step is taken. @module */

import source from "../../../kernels/accumulate.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import { applyTo, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";

export const accumulateOp: Op<Record<never, never>> = {
  name: "accumulate",
  updates: true,
  infer: ([x]) => [{ name: `sum of ${x.name}`, shape: x.shape }],
  cost: (node) => ({ flops: sizeOf(node.inputs[0]), bytes: 12 * sizeOf(node.inputs[0]) }),
  kernel: (node) => elementwiseCall(source, sizeOf(node.inputs[0])),
  cpu: elementwiseCpu((node) => sizeOf(node.inputs[0]), (_, tensors, begin, end) => {
    const x = tensors.f32(0), total = tensors.f32(1);
    for (let i = begin; i < end; i++) total[i] += x[i];
  }),
};

/** Adds `x` to `total`, a tensor of its shape over a buffer. */
export function accumulate(program: Program, x: Tensor, total: Tensor): void {
  applyTo(program, accumulateOp, [x], {}, [total]);
}
