/** How the matrix product's kernels are called. @module */

import source from "../../../kernels/matmul.wgsl" with { type: "text" };
import sharedSource from "../../../kernels/matmul_shared.wgsl" with { type: "text" };
import sumSource from "../../../kernels/matmul_sum.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import resultLibrary from "../../../kernels/lib/matmul_result.wgsl" with { type: "text" };
import halfLibrary from "../../../kernels/lib/half.wgsl" with { type: "text" };
import int8Library from "../../../kernels/lib/int8.wgsl" with { type: "text" };
import blocksLibrary from "../../../kernels/lib/blocks.wgsl" with { type: "text" };
import { elementwiseCall, sizeOf, widthOf } from "../kernel_call.ts";
import { firstScale } from "../int8.ts";
import { type KernelCall, nodeBytes } from "../op.ts";
import type { Node, Tensor } from "../program.ts";
import { rowParts, type RowRange } from "../table_parts.ts";
import { layoutOf, type MatmulAttributes, optionalInputs } from "./matmul_layout.ts";
import {
  columnLanes,
  hasAddends,
  type MatmulVariant,
  matmulVariants,
  parseVariant,
  rowLanes,
} from "./matmul_variants.ts";

const library = indexLibrary + halfLibrary + int8Library + blocksLibrary + resultLibrary;

/** Rows and columns of a workgroup of `matmul_shared`. */
const SHARED_TILE = 64;

/** The dispatches of a product: one, or two where it is cut along K; one a part where b is larger than can be bound. */
export function matmulKernel(
  node: Node<MatmulAttributes>,
  name: string = matmulVariants.suiting(node, false)[0],
  largestBinding = Infinity,
): readonly KernelCall[] {
  const { m, n, k } = layoutOf(node);
  const variant = parseVariant(name);
  const tableParts = rowParts(node.inputs[1], largestBinding);
  if (tableParts.length > 1) return tableParts.map((rows) => partCall(node, variant, rows));
  const blocks = Math.ceil(k / 4);
  const partBlocks = Math.ceil(blocks / (hasAddends(node) ? 1 : variant.parts));
  // Rounding up may leave the last parts nothing to do.
  const cuts = Math.ceil(blocks / partBlocks);
  const first = productCall(node, variant, { n, k, partBlocks });
  if (cuts === 1) return [first];
  const inputs = node.inputs.map((_, position) => position);
  return [
    { ...first, bindings: [...inputs, "scratch"], scratch: cuts * m * n },
    {
      ...elementwiseCall(sumSource, m * n, { params: { parts: cuts } }),
      name: "matmul_sum",
      bindings: ["scratch", inputs.length],
      cost: { flops: (cuts - 1) * m * n, bytes: 4 * (cuts + 1) * m * n },
    },
  ];
}

/** The part of a product that takes some rows of b: columns of y, or summands of all of y, of which the first part has what is added once. */
function partCall(
  node: Node<MatmulAttributes>,
  variant: MatmulVariant,
  { first, count }: RowRange,
): KernelCall {
  const { attributes, inputs } = node;
  const { m, n, k } = layoutOf(node);
  const at = optionalInputs(attributes);
  const width = widthOf(inputs[1]);
  const b = { tensor: 1, first: first * width, length: count * width };
  const share = count * width / sizeOf(inputs[1]);
  const cost = { flops: 2 * m * n * k * share, bytes: nodeBytes(node) * share };
  if (attributes.transposeB) {
    const perColumn = (position: number) => ({
      tensor: position,
      first: position === at.v ? first * widthOf(inputs[at.v]) : first,
    });
    const others = inputs.map((_, position) => position === at.u ? at.u : perColumn(position));
    return {
      ...productCall(node, variant, { n: count, k, partBlocks: Math.ceil(k / 4) }),
      bindings: [0, b, ...others.slice(2), perColumn(inputs.length)],
      cost,
    };
  }
  const adds = first > 0;
  const once = [at.bias, at.u, at.v, at.residual];
  const others = inputs.map((_, position) => position).slice(2)
    .filter((position) => !adds || !once.includes(position));
  const kept = adds ? { ...attributes, bias: false, lowRank: false, residual: false } : attributes;
  const call = productCall({ ...node, attributes: kept }, variant, {
    n,
    k: count,
    partBlocks: Math.ceil(count / 4),
  });
  return {
    ...call,
    features: [...call.features!, ...(adds ? ["ACCUMULATE"] : [])],
    bindings: [{ tensor: 0, first }, b, ...others, inputs.length],
    cost,
  };
}

/** A dispatch that computes n columns over k steps in parts of `partBlocks` blocks of four; the strides are the node's. */
function productCall(
  node: Node<MatmulAttributes>,
  { rows, columns, shared }: MatmulVariant,
  { n, k, partBlocks }: { readonly n: number; readonly k: number; readonly partBlocks: number },
): KernelCall {
  const { m, n: stride, k: depth, aRow, aDepth, bDepth, bColumn } = layoutOf(node);
  const { attributes } = node;
  const params = {
    rows: m,
    columns: n,
    stride,
    depth: k,
    a_row: aRow,
    a_depth: aDepth,
    b_depth: bDepth,
    b_column: bColumn,
    rank: attributes.lowRank ? widthOf(node.inputs[optionalInputs(attributes).u]) : 0,
    part_blocks: partBlocks,
    alpha: attributes.alpha,
    scale: attributes.scale,
    ...(node.inputs[1].dtype === "int8" && { b_scales: firstScale(sizeOf(node.inputs[1])) }),
  };
  const features = [
    ...loads(m, stride, depth, attributes),
    ...storage(node.inputs[1], attributes),
    ...epilogue(attributes),
  ];
  const cuts = Math.ceil(Math.ceil(k / 4) / partBlocks);
  const across = columnLanes(n, columns);
  const down = rowLanes(m, rows, across);
  if (shared) {
    return {
      name: "matmul_shared",
      source: library + sharedSource,
      features,
      params,
      workgroups: Math.ceil(m / SHARED_TILE) * Math.ceil(n / SHARED_TILE) * cuts,
    };
  }
  return {
    source: library + source,
    features: [...features, ...tile(rows, columns)],
    constants: {
      TILE_ROWS: rows,
      TILE_COLUMNS: columns,
      ROW_LANES: down,
      COLUMN_LANES: across,
    },
    params,
    workgroups: Math.ceil(m / (down * rows)) * Math.ceil(n / (across * columns)) * cuts,
  };
}

/** How operands and result are accessed: 4 numbers at once where every vector of them is whole, else one by one. */
function loads(
  m: number,
  n: number,
  k: number,
  { transposeA, transposeB }: MatmulAttributes,
): string[] {
  const store = n % 4 === 0 ? "WHOLE" : "CUT";
  const whole = k % 4 === 0 && (!transposeA || m % 4 === 0) && (transposeB || n % 4 === 0);
  if (!whole) return ["SCALAR", store];
  return ["VECTOR", transposeA ? "A_ROWS" : "A_DEPTH", transposeB ? "B_DEPTH" : "B_COLUMNS", store];
}

/** How b's numbers are stored. Its rows, which have scales, are columns of op(b) or depths. */
function storage({ dtype }: Tensor, { transposeB }: MatmulAttributes): string[] {
  if (dtype === "f16") return ["HALF_B"];
  return dtype === "int8" ? ["INT8_B", transposeB ? "COLUMN_SCALES" : "DEPTH_SCALES"] : [];
}

function epilogue({ bias, columnMask, lowRank, residual }: MatmulAttributes): string[] {
  return [
    ...(bias ? ["BIAS"] : []),
    ...(columnMask ? ["COLUMN_MASK"] : []),
    ...(lowRank ? ["LOW_RANK"] : []),
    ...(residual ? ["RESIDUAL"] : []),
  ];
}

function tile(rows: number, columns: number): string[] {
  return [
    ...(rows >= 8 ? ["ROWS_8"] : []),
    ...(rows >= 16 ? ["ROWS_16"] : []),
    ...(columns >= 8 ? ["COLUMNS_8"] : []),
    ...(columns >= 12 ? ["COLUMNS_12"] : []),
  ];
}
