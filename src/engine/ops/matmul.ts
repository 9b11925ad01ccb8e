/** Matrix product with the epilogue of a linear layer: bias, LoRA's low-rank part, residual. @module */

import { SIMD_BYTES_PER_NANOSECOND } from "../cpu/share.ts";
import { sizeOf, widthOf } from "../kernel_call.ts";
import { apply, expectShape, type GradientRequest, nodeBytes, type Op } from "../op.ts";
import type { Node, Program, Tensor } from "../program.ts";
import { columnMask } from "./column_mask.ts";
import { columnSum } from "./column_sum.ts";
import { matmulCpu, matmulUnits } from "./matmul_cpu.ts";
import { matmulKernel } from "./matmul_kernel.ts";
import { matmulVariants } from "./matmul_variants.ts";
import {
  attributesOf,
  layoutOf,
  type MatmulAttributes,
  matmulLayout,
  optionalInputs,
} from "./matmul_layout.ts";

const PLAIN: MatmulAttributes = {
  transposeA: false,
  transposeB: false,
  alpha: 1,
  bias: false,
  columnMask: false,
  lowRank: false,
  scale: 0,
  residual: false,
};

export const matmulOp: Op<MatmulAttributes> = {
  name: "matmul",
  compactInputs: [1],
  infer(inputs, attributes) {
    const [a, b] = inputs;
    const { m, n } = matmulLayout(a, b, attributes);
    const at = optionalInputs(attributes);
    if (attributes.columnMask && (attributes.bias || attributes.lowRank || attributes.residual)) {
      throw new TypeError(
        `Cannot mask the columns of "${a.name}" · "${b.name}": expected nothing to be added to it`,
      );
    }
    const shape = attributes.transposeA ? [m, n] : [...a.shape.slice(0, -1), n];
    if (at.bias >= 0) expectShape("matmul", inputs[at.bias], [n]);
    if (at.mask >= 0) expectShape("matmul", inputs[at.mask], [n]);
    if (at.v >= 0) expectShape("matmul", inputs[at.v], [n, widthOf(inputs[at.u])]);
    if (at.residual >= 0) expectShape("matmul", inputs[at.residual], shape);
    return [{ name: `${a.name} · ${b.name}`, shape }];
  },
  gradient: matmulGradient,
  cost(node) {
    const { m, n, k } = layoutOf(node);
    const at = optionalInputs(node.attributes);
    const depth = k + (at.u >= 0 ? widthOf(node.inputs[at.u]) : 0);
    return { flops: 2 * m * n * depth, bytes: nodeBytes(node) };
  },
  kernel: matmulKernel,
  variants: matmulVariants,
  cpu: { units: matmulUnits, bytesPerNanosecond: SIMD_BYTES_PER_NANOSECOND, run: matmulCpu },
};

/**
 * For y = α·op(a)·op(b) + bias + s·u·vᵀ + residual, or keep∘(α·op(a)·op(b)): the product's own gradients are two more products of dy with the other operand,
 * du = s·dy·v, dv = s·dyᵀ·u, dbias = column sums of dy.
 */
function matmulGradient(
  { program, node, outputGradients: [dy], wanted }: GradientRequest<MatmulAttributes>,
): (Tensor | undefined)[] {
  const gradients: (Tensor | undefined)[] = node.inputs.map(() => undefined);
  if (!dy) return gradients;
  const { attributes, inputs: [a, b] } = node;
  const { transposeA, transposeB, alpha, scale } = attributes;
  if (transposeA) {
    throw new TypeError(
      `Cannot differentiate a product whose first operand is transposed: "${a.name}"`,
    );
  }
  const at = optionalInputs(attributes);
  const dz = at.mask >= 0 && (wanted[0] || wanted[1])
    ? columnMask(program, dy, node.inputs[at.mask])
    : dy;
  if (wanted[0]) gradients[0] = product(program, dz, b, { transposeB: !transposeB, alpha });
  if (wanted[1]) {
    gradients[1] = transposeB
      ? product(program, dz, a, { transposeA: true, alpha })
      : product(program, a, dz, { transposeA: true, alpha });
  }
  if (at.bias >= 0 && wanted[at.bias]) gradients[at.bias] = columnSum(program, dy);
  if (at.u >= 0 && wanted[at.u]) {
    gradients[at.u] = product(program, dy, node.inputs[at.v], { alpha: scale });
  }
  if (at.v >= 0 && wanted[at.v]) {
    gradients[at.v] = product(program, dy, node.inputs[at.u], { transposeA: true, alpha: scale });
  }
  if (at.residual >= 0 && wanted[at.residual]) gradients[at.residual] = dy;
  return gradients;
}

/** α·op(a)·op(b); axes before the last count as rows. */
export function product(
  program: Program,
  a: Tensor,
  b: Tensor,
  options: Partial<Pick<MatmulAttributes, "transposeA" | "transposeB" | "alpha">> = {},
): Tensor {
  return apply(program, matmulOp, [a, b], { ...PLAIN, ...options })[0];
}

/** A linear layer: x [..., K] · Wᵀ + bias, W [M, K] as PyTorch stores it, bias [M]. */
export function linear(program: Program, x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return apply(program, matmulOp, bias ? [x, weight, bias] : [x, weight], {
    ...PLAIN,
    transposeB: true,
    bias: bias !== undefined,
  })[0];
}

/** A rank-r adapter of a linear layer: ΔW = s·B·A with A [r, K], B [M, r]; `mask` [r] u32 selects the components in use. */
export interface LowRankAdapter {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly mask: Tensor;
  readonly scale: number;
}

/**
 * A linear layer with LoRA (Hu et al. 2021): x·Wᵀ + bias + s·((x̃·Aᵀ)∘mask)·Bᵀ, where x̃ is `adapterInput` (x after LoRA dropout; x itself by default).
 */
export function loraLinear(
  program: Program,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { a, b, mask, scale }: LowRankAdapter,
  adapterInput: Tensor = x,
): Tensor {
  const u = apply(program, matmulOp, [adapterInput, a, mask], {
    ...PLAIN,
    transposeB: true,
    columnMask: true,
  })[0];
  return apply(program, matmulOp, bias ? [x, weight, bias, u, b] : [x, weight, u, b], {
    ...PLAIN,
    transposeB: true,
    bias: bias !== undefined,
    lowRank: true,
    scale,
  })[0];
}

/** The node with `residual` added to its result, or undefined where nothing can be added. Used by lowering. */
export function withResidual(node: Node, residual: Tensor, output: Tensor): Node | undefined {
  if (node.op !== matmulOp.name) return undefined;
  if (attributesOf(node).residual || attributesOf(node).columnMask) return undefined;
  if (sizeOf(output) !== sizeOf(node.outputs[0])) return undefined;
  return {
    op: matmulOp.name,
    inputs: [...node.inputs, residual],
    outputs: [output],
    attributes: { ...attributesOf(node), residual: true },
  };
}
