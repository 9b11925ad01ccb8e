/** The matrix product on the CPU. @module */

import { GEMM_COLUMNS, GEMM_ROWS } from "../cpu/gemm.ts";
import { widthOf } from "../kernel_call.ts";
import type { CpuArguments, CpuContext } from "../op.ts";
import type { Node } from "../program.ts";
import { attributesOf, layoutOf, type MatmulLayout, optionalInputs } from "./matmul_layout.ts";

/** The part of y that units [begin, end) stand for: rows of it, or columns where there are more of those units, as in the gradients of adapters. */
function partOf(
  { m, n }: MatmulLayout,
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
