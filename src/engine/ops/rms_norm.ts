/** Root-mean-square normalisation (Zhang and Sennrich 2019) over the last axis. @module */

import source from "../../../kernels/rms_norm.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/rms_norm_backward.wgsl" with { type: "text" };
import parameterSource from "../../../kernels/rms_norm_parameter_backward.wgsl" with {
  type: "text",
};
import {
  elementwiseCall,
  rowsOf,
  rowwiseCall,
  rowwiseCpu,
  rowwiseVariants,
  sizeOf,
  widthOf,
} from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Node, Program, Tensor } from "../program.ts";
import type { NormAttributes } from "./layer_norm.ts";

export const rmsNormOp: Op<NormAttributes> = {
  name: "rms_norm",
  saved: 1,
  infer([x, gamma]) {
    expectShape("rms_norm", gamma, [widthOf(x)]);
    return [{ name: `${x.name} normalised`, shape: x.shape }, { name: "rstd", shape: [rowsOf(x)] }];
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
  kernel: (node, variant) =>
    rowwiseCall(source, rowsOf(node.inputs[0]), widthOf(node.inputs[0]), {
      features: node.outputs.length > 1 ? ["SAVE"] : [],
      params: { width: widthOf(node.inputs[0]), epsilon: node.attributes.epsilon },
    }, variant),
  variants: rowwiseVariants,
  cpu: rowwiseCpu((node) => rowsOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const { epsilon } = (node as Node<NormAttributes>).attributes;
    const x = tensors.f32(0), gamma = tensors.f32(1), y = tensors.f32(2);
    const rstd = node.outputs.length > 1 ? tensors.f32(3) : undefined;
    vector.rmsNorm({ x, gamma, y, rstd, width: widthOf(node.inputs[0]), epsilon }, begin, end);
  }),
};

export const rmsNormBackwardOp: Op<Record<never, never>> = {
  name: "rms_norm_backward",
  infer([x, , , dy]) {
    expectShape("rms_norm_backward", dy, x.shape);
    return [{ name: `d${x.name}`, shape: x.shape }];
  },
  cost: (node) => ({ flops: 9 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node, variant) =>
    rowwiseCall(backwardSource, rowsOf(node.inputs[0]), widthOf(node.inputs[0]), {
      params: { width: widthOf(node.inputs[0]) },
    }, variant),
  variants: rowwiseVariants,
  cpu: rowwiseCpu((node) => rowsOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const x = tensors.f32(0), gamma = tensors.f32(1), rstd = tensors.f32(2);
    const dy = tensors.f32(3), dx = tensors.f32(4), width = widthOf(node.inputs[0]);
    vector.rmsNormBackward({ x, gamma, rstd, dy, dx, width }, begin, end);
  }),
};

export const rmsNormParameterBackwardOp: Op<Record<never, never>> = {
  name: "rms_norm_parameter_backward",
  infer: ([x]) => [{ name: "dgamma", shape: [widthOf(x)] }],
  cost: (node) => ({ flops: 3 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(parameterSource, widthOf(node.inputs[0]), {
      params: { rows: rowsOf(node.inputs[0]) },
    }),
  cpu: rowwiseCpu((node) => widthOf(node.inputs[0]), (node, tensors, begin, end) => {
    const x = tensors.f32(0), rstd = tensors.f32(1), dy = tensors.f32(2), dgamma = tensors.f32(3);
    const width = widthOf(node.inputs[0]), rows = rowsOf(node.inputs[0]);
    for (let c = begin; c < end; c++) {
      let sum = 0;
      for (let n = 0; n < rows; n++) sum += dy[n * width + c] * x[n * width + c] * rstd[n];
      dgamma[c] = sum;
    }
  }),
};

/** x / √(mean of x² + ε) · γ over the last axis; γ [C]. */
export function rmsNorm(program: Program, x: Tensor, gamma: Tensor, epsilon: number): Tensor {
  return apply(program, rmsNormOp, [x, gamma], { epsilon })[0];
}
