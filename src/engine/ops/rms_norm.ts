/** Root-mean-square normalisation (Zhang and Sennrich 2019) of vectors: the last axis, or equal parts of it such as heads. @module */

import source from "../../../kernels/rms_norm.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/rms_norm_backward.wgsl" with { type: "text" };
import parameterSource from "../../../kernels/rms_norm_parameter_backward.wgsl" with {
  type: "text",
};
import {
  elementwiseCall,
  laneVariants,
  rowwiseCall,
  rowwiseCpu,
  sizeOf,
  widthOf,
} from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Node, Program, Tensor } from "../program.ts";
import type { NormAttributes } from "./layer_norm.ts";

/** Vectors of x, as long as γ. */
function vectorsOf({ inputs: [x, gamma] }: Pick<Node, "inputs">) {
  const width = sizeOf(gamma);
  return { rows: sizeOf(x) / width, width };
}

const variants = laneVariants(vectorsOf);

export const rmsNormOp: Op<NormAttributes> = {
  name: "rms_norm",
  saved: 1,
  infer([x, gamma]) {
    // Where γ is no part of a row of x, the error asks for a whole one.
    const width = gamma.shape.length === 1 && widthOf(x) % sizeOf(gamma) === 0
      ? sizeOf(gamma)
      : widthOf(x);
    expectShape("rms_norm", gamma, [width]);
    const rstd = { name: "rstd", shape: [sizeOf(x) / width] };
    return [{ name: `${x.name} normalised`, shape: x.shape }, rstd];
  },
  gradient({ program, node, outputGradients: [dy], wanted }) {
    const [x, gamma] = node.inputs;
    const rstd = node.outputs[1];
    if (!dy) return [undefined, undefined];
    return [
      wanted[0] ? apply(program, rmsNormBackwardOp, [x, gamma, rstd, dy], {})[0] : undefined,
      wanted[1] ? apply(program, rmsNormParameterBackwardOp, [x, rstd, dy], {})[0] : undefined,
    ];
  },
  cost: (node) => ({ flops: 5 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel(node, variant) {
    const { rows, width } = vectorsOf(node);
    return rowwiseCall(source, rows, width, {
      features: node.outputs.length > 1 ? ["SAVE"] : [],
      params: { width, epsilon: node.attributes.epsilon },
    }, variant);
  },
  variants,
  cpu: rowwiseCpu((node) => vectorsOf(node).rows, (node, tensors, begin, end, { vector }) => {
    const { epsilon } = (node as Node<NormAttributes>).attributes;
    const x = tensors.f32(0), gamma = tensors.f32(1), y = tensors.f32(2);
    const rstd = node.outputs.length > 1 ? tensors.f32(3) : undefined;
    vector.rmsNorm({ x, gamma, y, rstd, width: sizeOf(node.inputs[1]), epsilon }, begin, end);
  }),
};

export const rmsNormBackwardOp: Op<Record<never, never>> = {
  name: "rms_norm_backward",
  infer([x, , , dy]) {
    expectShape("rms_norm_backward", dy, x.shape);
    return [{ name: `d${x.name}`, shape: x.shape }];
  },
  cost: (node) => ({ flops: 9 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel(node, variant) {
    const { rows, width } = vectorsOf(node);
    return rowwiseCall(backwardSource, rows, width, { params: { width } }, variant);
  },
  variants,
  cpu: rowwiseCpu((node) => vectorsOf(node).rows, (node, tensors, begin, end, { vector }) => {
    const x = tensors.f32(0), gamma = tensors.f32(1), rstd = tensors.f32(2);
    const dy = tensors.f32(3), dx = tensors.f32(4), width = sizeOf(node.inputs[1]);
    vector.rmsNormBackward({ x, gamma, rstd, dy, dx, width }, begin, end);
  }),
};

export const rmsNormParameterBackwardOp: Op<Record<never, never>> = {
  name: "rms_norm_parameter_backward",
  infer: ([x, rstd]) => [{ name: "dgamma", shape: [sizeOf(x) / sizeOf(rstd)] }],
  cost: (node) => ({ flops: 3 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(parameterSource, sizeOf(node.outputs[0]), {
      params: { rows: sizeOf(node.inputs[1]) },
    }),
  cpu: rowwiseCpu((node) => sizeOf(node.outputs[0]), (node, tensors, begin, end) => {
    const x = tensors.f32(0), rstd = tensors.f32(1), dy = tensors.f32(2), dgamma = tensors.f32(3);
    const width = sizeOf(node.outputs[0]), rows = sizeOf(node.inputs[1]);
    for (let c = begin; c < end; c++) {
      let sum = 0;
      for (let n = 0; n < rows; n++) sum += dy[n * width + c] * x[n * width + c] * rstd[n];
      dgamma[c] = sum;
    }
  }),
};

/** x / √(mean of x² + ε) · γ over the last axis, or over each of the equal parts of it that are as long as γ; γ [C]. */
export function rmsNorm(program: Program, x: Tensor, gamma: Tensor, epsilon: number): Tensor {
  return apply(program, rmsNormOp, [x, gamma], { epsilon })[0];
}
