/** Matrix product with the epilogue of a linear layer: bias, LoRA's low-rank part, residual. @module */

import source from "../../../kernels/matmul.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import { GEMM_COLUMNS, GEMM_ROWS } from "../cpu/gemm.ts";
import { rowsOf, sizeOf, widthOf } from "../kernel_call.ts";
import {
  apply,
  type CpuArguments,
  type CpuContext,
  expectShape,
  type GradientRequest,
  type KernelCall,
  nodeBytes,
  type Op,
} from "../op.ts";
import type { Attributes, Node, Program, Tensor } from "../program.ts";
import { columnMask } from "./column_mask.ts";
import { columnSum } from "./column_sum.ts";

/** Which operands are transposed, and which optional inputs follow a and b, in this order. */
export interface MatmulAttributes extends Attributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly alpha: number;
  readonly bias: boolean;
  readonly columnMask: boolean;
  readonly lowRank: boolean;
  readonly scale: number;
  readonly residual: boolean;
}

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

/** Sizes and strides of a product, in elements. Axes before the last are one: [B,T,C] multiplies as [B·T, C]. */
interface Layout {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aRow: number;
  readonly aDepth: number;
  readonly bDepth: number;
  readonly bColumn: number;
}

function layout(a: Tensor, b: Tensor, { transposeA, transposeB }: MatmulAttributes): Layout {
  const aWidth = widthOf(a), bWidth = widthOf(b);
  const [m, k] = transposeA ? [aWidth, rowsOf(a)] : [rowsOf(a), aWidth];
  const [depth, n] = transposeB ? [bWidth, rowsOf(b)] : [rowsOf(b), bWidth];
  if (depth !== k) {
    throw new RangeError(
      `Cannot multiply "${a.name}" [${a.shape.join(", ")}]${
        transposeA ? "ᵀ" : ""
      } by "${b.name}" [${b.shape.join(", ")}]${
        transposeB ? "ᵀ" : ""
      }: expected equal inner sizes, got ${k} and ${depth}`,
    );
  }
  return {
    m,
    n,
    k,
    aRow: transposeA ? 1 : aWidth,
    aDepth: transposeA ? aWidth : 1,
    bDepth: transposeB ? 1 : bWidth,
    bColumn: transposeB ? bWidth : 1,
  };
}

const layoutOf = (node: Node) => layout(node.inputs[0], node.inputs[1], attributesOf(node));
const attributesOf = (node: Node) => node.attributes as MatmulAttributes;

/** Positions of the optional inputs. */
function optionalInputs(
  attributes: MatmulAttributes,
): Record<"bias" | "mask" | "u" | "v" | "residual", number> {
  let next = 2;
  const take = (present: boolean) => present ? next++ : -1;
  return {
    bias: take(attributes.bias),
    mask: take(attributes.columnMask),
    u: take(attributes.lowRank),
    v: take(attributes.lowRank),
    residual: take(attributes.residual),
  };
}

export const matmulOp: Op<MatmulAttributes> = {
  name: "matmul",
  infer(inputs, attributes) {
    const [a, b] = inputs;
    const { m, n } = layout(a, b, attributes);
    const at = optionalInputs(attributes);
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
  cpu: { units: (node) => unitsOf(layoutOf(node)), run: matmulCpu },
};

/**
 * For y = keep∘(α·op(a)·op(b)) + bias + s·u·vᵀ + residual: the product's own gradients are two more products of dy with the other operand,
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

/** How the kernel reads its operands: 4 numbers at once where every vector of them is whole, else one by one. */
function loads(
  m: number,
  n: number,
  k: number,
  { transposeA, transposeB }: MatmulAttributes,
): string[] {
  const whole = k % 4 === 0 && (!transposeA || m % 4 === 0) && (transposeB || n % 4 === 0);
  if (!whole) return ["SCALAR"];
  return ["VECTOR", transposeA ? "A_ROWS" : "A_DEPTH", transposeB ? "B_DEPTH" : "B_COLUMNS"];
}

function matmulKernel(node: Node<MatmulAttributes>): KernelCall {
  const { m, n, k, aRow, aDepth, bDepth, bColumn } = layoutOf(node);
  const { attributes } = node;
  const at = optionalInputs(attributes);
  const features = [
    ...loads(m, n, k, attributes),
    ...(attributes.bias ? ["BIAS"] : []),
    ...(attributes.columnMask ? ["COLUMN_MASK"] : []),
    ...(attributes.lowRank ? ["LOW_RANK"] : []),
    ...(attributes.residual ? ["RESIDUAL"] : []),
  ];
  // A narrow result (LoRA's rank) gets a narrow, tall workgroup, so that no lanes idle.
  const columnLanes = n > 16 ? 8 : n > 8 ? 4 : n > 4 ? 2 : 1;
  const rowLanes = m > 32 ? 8 : m > 16 ? 4 : m > 8 ? 2 : 1;
  return {
    source: indexLibrary + source,
    features,
    constants: { ROW_LANES: rowLanes, COLUMN_LANES: columnLanes },
    params: {
      rows: m,
      columns: n,
      depth: k,
      a_row: aRow,
      a_depth: aDepth,
      b_depth: bDepth,
      b_column: bColumn,
      rank: at.u >= 0 ? widthOf(node.inputs[at.u]) : 0,
      alpha: attributes.alpha,
      scale: attributes.scale,
    },
    workgroups: Math.ceil(m / (rowLanes * 8)) * Math.ceil(n / (columnLanes * 4)),
  };
}

/** The part of y that units [begin, end) stand for: rows of it, or columns where there are more of those units, as in the gradients of adapters. */
function partOf(
  { m, n }: Layout,
  begin: number,
  end: number,
): { rowBegin: number; rowEnd: number; columnBegin: number; columnEnd: number } {
  return byColumns(m, n)
    ? {
      rowBegin: 0,
      rowEnd: m,
      columnBegin: begin * GEMM_COLUMNS,
      columnEnd: Math.min(end * GEMM_COLUMNS, n),
    }
    : {
      rowBegin: begin * GEMM_ROWS,
      rowEnd: Math.min(end * GEMM_ROWS, m),
      columnBegin: 0,
      columnEnd: n,
    };
}

function byColumns(m: number, n: number): boolean {
  return Math.ceil(n / GEMM_COLUMNS) > Math.ceil(m / GEMM_ROWS);
}

function unitsOf({ m, n }: Layout): number {
  return byColumns(m, n) ? Math.ceil(n / GEMM_COLUMNS) : Math.ceil(m / GEMM_ROWS);
}

function matmulCpu(
  node: Node,
  tensors: CpuArguments,
  begin: number,
  end: number,
  { gemm, vector }: CpuContext,
): void {
  const sizes = layoutOf(node);
  const { n, k, aRow, aDepth, bDepth, bColumn } = sizes;
  const attributes = attributesOf(node);
  const at = optionalInputs(attributes);
  const y = tensors.f32(node.inputs.length);
  const { rowBegin, rowEnd, columnBegin, columnEnd } = partOf(sizes, begin, end);
  const width = columnEnd - columnBegin;
  const part = { n: width, rowBegin, rowEnd, aOffset: 0, c: y, cOffset: columnBegin, cRow: n };
  gemm({
    ...part,
    k,
    alpha: attributes.alpha,
    a: tensors.f32(0),
    aRow,
    aColumn: aDepth,
    b: tensors.f32(1),
    bOffset: columnBegin * bColumn,
    bRow: bDepth,
    bColumn,
    accumulate: false,
  });
  if (at.mask >= 0) {
    const mask = tensors.u32(at.mask);
    for (let row = rowBegin; row < rowEnd; row++) {
      for (let c = columnBegin; c < columnEnd; c++) if (mask[c] === 0) y[row * n + c] = 0;
    }
  }
  if (at.u >= 0) {
    const rank = widthOf(node.inputs[at.u]);
    gemm({
      ...part,
      k: rank,
      alpha: attributes.scale,
      a: tensors.f32(at.u),
      aRow: rank,
      aColumn: 1,
      b: tensors.f32(at.v),
      bOffset: columnBegin * rank,
      bRow: 1,
      bColumn: rank,
      accumulate: true,
    });
  }
  const target = {
    target: y,
    targetOffset: rowBegin * n + columnBegin,
    targetRow: n,
    rows: rowEnd - rowBegin,
    width,
  };
  if (at.bias >= 0) {
    const source = tensors.f32(at.bias);
    vector.addRows({ ...target, source, sourceOffset: columnBegin, sourceRow: 0 });
  }
  if (at.residual >= 0) {
    const source = tensors.f32(at.residual);
    vector.addRows({ ...target, source, sourceOffset: target.targetOffset, sourceRow: n });
  }
}

/** α·op(a)·op(b); a trailing axes-but-last count as rows. */
function product(
  program: Program,
  a: Tensor,
  b: Tensor,
  options: Partial<Pick<MatmulAttributes, "transposeA" | "transposeB" | "alpha">>,
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

/** The node with `residual` added to its result, or undefined where it has one already. Used by lowering. */
export function withResidual(node: Node, residual: Tensor, output: Tensor): Node | undefined {
  if (node.op !== matmulOp.name || attributesOf(node).residual) return undefined;
  if (sizeOf(output) !== sizeOf(node.outputs[0])) return undefined;
  return {
    op: matmulOp.name,
    inputs: [...node.inputs, residual],
    outputs: [output],
    attributes: { ...attributesOf(node), residual: true },
  };
}
