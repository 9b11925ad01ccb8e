/** The gradient of a local loss with FedProx's proximal term (Li et al., MLSys 2020, arXiv 1812.06127). @module */

import source from "../../../kernels/proximal_gradient.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";

export const proximalGradientOp: Op<Record<never, never>> = {
  name: "proximal_gradient",
  infer: ([gradient]) => [{ name: "proximal gradient", shape: gradient.shape }],
  cost: (node) => ({ flops: 3 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) => elementwiseCall(source, sizeOf(node.inputs[0])),
  cpu: elementwiseCpu((node) => sizeOf(node.inputs[0]), (_, tensors, begin, end) => {
    const [g, w, anchor, settings, y] = [0, 1, 2, 3, 4].map(tensors.f32);
    const mu = settings[4];
    for (let i = begin; i < end; i++) y[i] = g[i] + mu * (w[i] - anchor[i]);
  }),
};

/** gradient + μ·(parameters − anchor), all [P]: what is not trained stays at the anchor, and so keeps its gradient. μ stands in the step's settings. */
export function proximalGradient(
  program: Program,
  { gradient, parameters, anchor, settings }: {
    readonly gradient: Tensor;
    readonly parameters: Tensor;
    readonly anchor: Tensor;
    readonly settings: Tensor;
  },
): Tensor {
  expectShape(proximalGradientOp.name, anchor, gradient.shape);
  const [y] = apply(program, proximalGradientOp, [gradient, parameters, anchor, settings], {});
  return y;
}
