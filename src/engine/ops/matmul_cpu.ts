/** The matrix product on the CPU. @module */

import { GEMM_COLUMNS, GEMM_ROWS, type GemmProduct } from "../cpu/gemm.ts";
import { isInt8Rows } from "../int8.ts";
import { widthOf } from "../kernel_call.ts";
import type { CpuArguments, CpuContext } from "../op.ts";
import type { Node } from "../program.ts";
import { attributesOf, layoutOf, type MatmulLayout, optionalInputs } from "./matmul_layout.ts";
import { isRowProduct, multiplyRow } from "./matmul_row.ts";

/** Rows and columns of y. */
interface Part {
  readonly rowBegin: number;
  readonly rowEnd: number;
  readonly columnBegin: number;
  readonly columnEnd: number;
}

/** The part of y that units [begin, end) stand for: rows of it, or columns where it is wider than high. */
function partOf({ m, n }: MatmulLayout, begin: number, end: number): Part {
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

/** The longer side is cut: a thread packs the whole of the operand that lies along the other. */
function byColumns(m: number, n: number): boolean {
  return n > m;
}

/** Units of work of a product: blocks of its rows or columns. */
export function matmulUnits(node: Node): number {
  const { m, n } = layoutOf(node);
  return byColumns(m, n) ? Math.ceil(n / GEMM_COLUMNS) : Math.ceil(m / GEMM_ROWS);
}

/** Computes units [begin, end) of y. */
export function matmulCpu(
  node: Node,
  tensors: CpuArguments,
  begin: number,
  end: number,
  context: CpuContext,
): void {
  const part = partOf(layoutOf(node), begin, end);
  const { rowBegin, rowEnd, columnBegin, columnEnd } = part;
  if (isRowProduct(node)) multiplyRow(node, tensors, columnBegin, columnEnd, context);
  else multiplyPart(node, tensors, part, context);
  // A column that is not in use is set, not multiplied by 0: what it holds may be infinite.
  const at = optionalInputs(attributesOf(node));
  if (at.mask < 0) return;
  const y = tensors.f32(node.inputs.length), mask = tensors.u32(at.mask);
  const { n } = layoutOf(node);
  for (let column = columnBegin; column < columnEnd; column++) {
    if (mask[column] !== 0) continue;
    for (let row = rowBegin; row < rowEnd; row++) y[row * n + column] = 0;
  }
}

function multiplyPart(
  node: Node,
  tensors: CpuArguments,
  { rowBegin, rowEnd, columnBegin, columnEnd }: Part,
  { gemm }: CpuContext,
): void {
  const { n, k, aRow, aDepth, bDepth, bColumn } = layoutOf(node);
  const attributes = attributesOf(node);
  const at = optionalInputs(attributes);
  const b = tensors.weight(1);
  const products: GemmProduct[] = [{
    k,
    factor: attributes.alpha,
    a: tensors.f32(0),
    aOffset: 0,
    aRow,
    aColumn: aDepth,
    ...(isInt8Rows(b)
      ? {
        b: b.values,
        bScales: attributes.transposeB
          ? { view: b.scales, offset: columnBegin, along: "columns" }
          : { view: b.scales, offset: 0, along: "steps" },
      }
      : { b }),
    bOffset: columnBegin * bColumn,
    bRow: bDepth,
    bColumn,
  }];
  if (at.u >= 0) {
    const rank = widthOf(node.inputs[at.u]);
    products.push({
      k: rank,
      factor: attributes.scale,
      a: tensors.f32(at.u),
      aOffset: 0,
      aRow: rank,
      aColumn: 1,
      b: tensors.f32(at.v),
      bOffset: columnBegin * rank,
      bRow: 1,
      bColumn: rank,
    });
  }
  gemm({
    products,
    n: columnEnd - columnBegin,
    rowBegin,
    rowEnd,
    ...(at.bias >= 0 && { bias: { view: tensors.f32(at.bias), offset: columnBegin } }),
    ...(at.residual >= 0 &&
      { addend: { view: tensors.f32(at.residual), offset: columnBegin, row: n } }),
    c: tensors.f32(node.inputs.length),
    cOffset: columnBegin,
    cRow: n,
  });
}
