/** Layer normalisation (Ba et al. 2016) over the last axis. @module */

import source from "../../../kernels/layer_norm.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/layer_norm_backward.wgsl" with { type: "text" };
import parameterSource from "../../../kernels/layer_norm_parameter_backward.wgsl" with {
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
import type { Attributes, Node, Program, Tensor } from "../program.ts";

/** The number added to the variance. */
export interface NormAttributes extends Attributes {
  readonly epsilon: number;
}

export const layerNormOp: Op<NormAttributes> = {
  name: "layer_norm",
  saved: 1,
  infer([x, gamma, beta]) {
    expectShape("layer_norm", gamma, [widthOf(x)]);
    expectShape("layer_norm", beta, [widthOf(x)]);
    return [{ name: `${x.name} normalised`, shape: x.shape }, {
      name: "statistics",
      shape: [rowsOf(x), 2],
    }];
  },
  gradient({ program, node, outputGradients: [dy], wanted }) {
    const [x, gamma] = node.inputs;
    const statistics = node.outputs[1];
    if (!dy) return [undefined, undefined, undefined];
    const [dgamma, dbeta] = wanted[1] || wanted[2]
      ? apply(program, layerNormParameterBackwardOp, [x, statistics, dy], {})
      : [undefined, undefined];
    const dx = wanted[0]
      ? apply(program, layerNormBackwardOp, [x, gamma, statistics, dy], {})[0]
      : undefined;
    return [dx, dgamma, dbeta];
  },
  cost: (node) => ({ flops: 8 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node, variant) =>
    rowwiseCall(source, rowsOf(node.inputs[0]), widthOf(node.inputs[0]), {
      features: node.outputs.length > 1 ? ["SAVE"] : [],
      params: { width: widthOf(node.inputs[0]), epsilon: node.attributes.epsilon },
    }, variant),
  variants: rowwiseVariants,
  cpu: rowwiseCpu((node) => rowsOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const { epsilon } = (node as Node<NormAttributes>).attributes;
    const x = tensors.f32(0), gamma = tensors.f32(1), beta = tensors.f32(2), y = tensors.f32(3);
    const statistics = node.outputs.length > 1 ? tensors.f32(4) : undefined;
    const width = widthOf(node.inputs[0]);
    vector.layerNorm({ x, gamma, beta, y, statistics, width, epsilon }, begin, end);
  }),
};

export const layerNormBackwardOp: Op<Record<never, never>> = {
  name: "layer_norm_backward",
  infer([x, , , dy]) {
    expectShape("layer_norm_backward", dy, x.shape);
    return [{ name: `d${x.name}`, shape: x.shape }];
  },
  cost: (node) => ({ flops: 12 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node, variant) =>
    rowwiseCall(backwardSource, rowsOf(node.inputs[0]), widthOf(node.inputs[0]), {
      params: { width: widthOf(node.inputs[0]) },
    }, variant),
  variants: rowwiseVariants,
  cpu: rowwiseCpu((node) => rowsOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const x = tensors.f32(0), gamma = tensors.f32(1), statistics = tensors.f32(2);
    const dy = tensors.f32(3), dx = tensors.f32(4), width = widthOf(node.inputs[0]);
    vector.layerNormBackward({ x, gamma, statistics, dy, dx, width }, begin, end);
  }),
};

export const layerNormParameterBackwardOp: Op<Record<never, never>> = {
  name: "layer_norm_parameter_backward",
  infer: ([x]) => [{ name: "dgamma", shape: [widthOf(x)] }, { name: "dbeta", shape: [widthOf(x)] }],
  cost: (node) => ({ flops: 5 * sizeOf(node.inputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(parameterSource, widthOf(node.inputs[0]), {
      params: { rows: rowsOf(node.inputs[0]) },
    }),
  cpu: rowwiseCpu((node) => widthOf(node.inputs[0]), (node, tensors, begin, end, { vector }) => {
    const x = tensors.f32(0), statistics = tensors.f32(1), dy = tensors.f32(2);
    const dgamma = tensors.f32(3), dbeta = tensors.f32(4);
    const width = widthOf(node.inputs[0]), rows = rowsOf(node.inputs[0]);
    vector.layerNormParameters({ x, statistics, dy, dgamma, dbeta, rows, width }, begin, end);
  }),
};

/** (x − mean) / √(variance + ε) · γ + β over the last axis; γ, β [C]. */
export function layerNorm(
  program: Program,
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  epsilon: number,
): Tensor {
  return apply(program, layerNormOp, [x, gamma, beta], { epsilon })[0];
}
