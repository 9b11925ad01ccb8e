/** How the matrix product's kernel is called. @module */

import source from "../../../kernels/matmul.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import { widthOf } from "../kernel_call.ts";
import type { KernelCall } from "../op.ts";
import type { Node } from "../program.ts";
import { layoutOf, type MatmulAttributes, optionalInputs } from "./matmul_layout.ts";

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

export function matmulKernel(node: Node<MatmulAttributes>): KernelCall {
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
