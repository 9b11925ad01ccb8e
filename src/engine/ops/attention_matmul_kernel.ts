/** How the kernel of attention's products is called. @module */

import source from "../../../kernels/attention_matmul.wgsl" with { type: "text" };
import blocksLibrary from "../../../kernels/lib/blocks.wgsl" with { type: "text" };
import halfLibrary from "../../../kernels/lib/half.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import type { KernelCall, KernelVariants } from "../op.ts";
import type { Node } from "../program.ts";
import {
  type AttentionLayout,
  attentionLayout,
  type AttentionMatmulAttributes,
} from "./attention_matmul_layout.ts";
import { columnLanes, rowLanes } from "./matmul_variants.ts";

/** Columns of an invocation of the kernel. */
const COLUMNS = 8;
/** Products with fewer rows have one variant. */
const SEVERAL_ROWS = 32;

/** By what an invocation computes in registers. */
export const attentionMatmulVariants: KernelVariants<AttentionMatmulAttributes> = {
  kindOf(node) {
    const { rows, columns, depth, batches, heads, inner } = attentionLayout(node);
    const sizes = [batches, heads, inner, rows, depth, columns].join("x");
    return `attention_matmul ${node.attributes.product} ${sizes}`;
  },
  suiting(node, software) {
    if (attentionLayout(node).rows < SEVERAL_ROWS) return ["8x8"];
    return software ? ["16x8", "8x8"] : ["8x8", "16x8"];
  },
};

export function attentionMatmulKernel(
  node: Node<AttentionMatmulAttributes>,
  variant = "8x8",
): KernelCall {
  const params = attentionLayout(node);
  const { rows, columns, batches, heads } = params;
  const height = rowsOfTile(variant);
  const across = columnLanes(columns, COLUMNS);
  const down = rowLanes(rows, height, across);
  const tiles = Math.ceil(rows / (down * height)) * Math.ceil(columns / (across * COLUMNS));
  return {
    source: indexLibrary + halfLibrary + blocksLibrary + source,
    features: [...accesses(node, params), ...(height === 16 ? ["ROWS_16"] : [])],
    constants: { TILE_ROWS: height, ROW_LANES: down, COLUMN_LANES: across },
    params,
    workgroups: tiles * batches * heads,
  };
}

function rowsOfTile(variant: string): 8 | 16 {
  if (variant === "8x8") return 8;
  if (variant === "16x8") return 16;
  throw new RangeError(`Cannot compute attention_matmul by "${variant}": expected 8x8 or 16x8`);
}

/** How operands and result are accessed: 4 numbers at once where every vector of them is whole, else one by one. */
function accesses(
  { attributes: { product } }: Node<AttentionMatmulAttributes>,
  { rows, columns, depth }: AttentionLayout,
): string[] {
  const whole = columns % 4 === 0;
  const store = whole ? "WHOLE" : "CUT";
  switch (product) {
    case "scores":
      return depth % 4 === 0 ? ["VECTOR", "A_DEPTH", "B_DEPTH", store] : ["SCALAR", store];
    case "context":
      return whole && depth % 4 === 0
        ? ["VECTOR", "A_DEPTH", "B_COLUMNS", store]
        : ["SCALAR", store];
    case "keys":
      return whole && rows % 4 === 0 ? ["VECTOR", "A_ROWS", "B_COLUMNS", store] : ["SCALAR", store];
    default:
      return product satisfies never;
  }
}
