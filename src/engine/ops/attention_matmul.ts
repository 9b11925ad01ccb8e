/** The products of multi-head attention, with grouped key heads (Ainslie et al. 2023): scores, context, and the gradient of shared keys. @module */

import source from "../../../kernels/attention_matmul.wgsl" with { type: "text" };
import blocksLibrary from "../../../kernels/lib/blocks.wgsl" with { type: "text" };
import halfLibrary from "../../../kernels/lib/half.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import { rowwiseCpu, sizeOf } from "../kernel_call.ts";
import {
  apply,
  type CpuArguments,
  type CpuContext,
  expectShape,
  type KernelCall,
  nodeBytes,
  type Op,
} from "../op.ts";
import type { Attributes, Node, Program, Tensor } from "../program.ts";
import { columnLanes, rowLanes } from "./matmul_variants.ts";

/**
 * Which product: `scores` q·kᵀ → [B,H,T,T]; `context` p·v → [B,T,H·D]; `keys` pᵀ·x summed over the query heads of a key head → [B,T,Hkv·D].
 * Here q, x are [B,T,H·D], k, v [B,T,Hkv·D], p [B,H,T,T].
 */
export interface AttentionMatmulAttributes extends Attributes {
  readonly product: "scores" | "context" | "keys";
  readonly heads: number;
  readonly keyHeads: number;
}

/** Strides as the kernel's Params name them. */
type Layout = Record<
  | "rows"
  | "columns"
  | "depth"
  | "batches"
  | "heads"
  | "inner"
  | "a_batch"
  | "a_head"
  | "a_row"
  | "a_depth"
  | "a_group"
  | "b_batch"
  | "b_head"
  | "b_depth"
  | "b_column"
  | "b_group"
  | "y_batch"
  | "y_head"
  | "y_row",
  number
>;

function layout(node: Node): Layout {
  const { product, heads, keyHeads } = (node as Node<AttentionMatmulAttributes>).attributes;
  const group = heads / keyHeads;
  const [x, y] = node.inputs;
  // [B,T,H·D] seen per head, and [B,H,T,T] seen per head.
  const tokens = product === "scores" ? x.shape[1] : y.shape[1];
  const size = product === "scores"
    ? x.shape[2] / heads
    : product === "context"
    ? y.shape[2] / keyHeads
    : y.shape[2] / heads;
  const batches = node.outputs[0].shape[0];
  const query = { batch: tokens * heads * size, head: size, token: heads * size };
  const key = { batch: tokens * keyHeads * size, head: size, token: keyHeads * size };
  const square = { batch: heads * tokens * tokens, head: tokens * tokens, token: tokens };
  switch (product) {
    case "scores":
      return {
        rows: tokens,
        columns: tokens,
        depth: size,
        batches,
        heads,
        inner: 1,
        a_batch: query.batch,
        a_head: query.head,
        a_row: query.token,
        a_depth: 1,
        a_group: 1,
        b_batch: key.batch,
        b_head: key.head,
        b_depth: 1,
        b_column: key.token,
        b_group: group,
        y_batch: square.batch,
        y_head: square.head,
        y_row: square.token,
      };
    case "context":
      return {
        rows: tokens,
        columns: size,
        depth: tokens,
        batches,
        heads,
        inner: 1,
        a_batch: square.batch,
        a_head: square.head,
        a_row: square.token,
        a_depth: 1,
        a_group: 1,
        b_batch: key.batch,
        b_head: key.head,
        b_depth: key.token,
        b_column: 1,
        b_group: group,
        y_batch: query.batch,
        y_head: query.head,
        y_row: query.token,
      };
    case "keys":
      return {
        rows: tokens,
        columns: size,
        depth: tokens,
        batches,
        heads: keyHeads,
        inner: group,
        a_batch: square.batch,
        a_head: square.head,
        a_row: 1,
        a_depth: square.token,
        a_group: 1,
        b_batch: query.batch,
        b_head: query.head,
        b_depth: query.token,
        b_column: 1,
        b_group: 1,
        y_batch: key.batch,
        y_head: key.head,
        y_row: key.token,
      };
    default:
      return product satisfies never;
  }
}

export const attentionMatmulOp: Op<AttentionMatmulAttributes> = {
  name: "attention_matmul",
  infer([a, b], { product, heads, keyHeads }) {
    if (heads % keyHeads !== 0) {
      throw new RangeError(
        `Cannot share ${keyHeads} key heads among ${heads} query heads: expected a divisor of ${heads}`,
      );
    }
    if (product === "scores") {
      const [batch, tokens, width] = a.shape;
      expectShape("attention_matmul", b, [batch, tokens, width / heads * keyHeads]);
      return [{ name: "scores", shape: [batch, heads, tokens, tokens] }];
    }
    const [batch, tokens, width] = b.shape;
    expectShape("attention_matmul", a, [batch, heads, tokens, tokens]);
    return product === "context"
      ? [{ name: "context", shape: [batch, tokens, width / keyHeads * heads] }]
      : [{ name: `keys of ${b.name}`, shape: [batch, tokens, width / heads * keyHeads] }];
  },
  gradient({ program, node, outputGradients: [dy], wanted }) {
    const [a, b] = node.inputs;
    const { product, heads, keyHeads } = node.attributes;
    if (!dy) return [undefined, undefined];
    const make = (kind: AttentionMatmulAttributes["product"], x: Tensor, y: Tensor) =>
      apply(program, attentionMatmulOp, [x, y], { product: kind, heads, keyHeads })[0];
    switch (product) {
      case "scores":
        return [
          wanted[0] ? make("context", dy, b) : undefined,
          wanted[1] ? make("keys", dy, a) : undefined,
        ];
      case "context":
        return [
          wanted[0] ? make("scores", dy, b) : undefined,
          wanted[1] ? make("keys", a, dy) : undefined,
        ];
      case "keys":
        throw new TypeError(
          'Cannot differentiate attention_matmul "keys": it appears in backward passes only',
        );
      default:
        return product satisfies never;
    }
  },
  cost(node) {
    const { rows, columns, depth, batches, heads, inner } = layout(node);
    return { flops: 2 * rows * columns * depth * batches * heads * inner, bytes: nodeBytes(node) };
  },
  kernel: attentionMatmulKernel,
  cpu: rowwiseCpu((node) => {
    const { batches, heads } = layout(node);
    return batches * heads;
  }, attentionMatmulCpu),
};

/** Rows and columns of an invocation of the kernel. */
const TILE = 8;

function attentionMatmulKernel(node: Node<AttentionMatmulAttributes>): KernelCall {
  const params = layout(node);
  const { rows, columns, batches, heads } = params;
  const across = columnLanes(columns, TILE);
  const down = rowLanes(rows, TILE, across);
  const tiles = Math.ceil(rows / (down * TILE)) * Math.ceil(columns / (across * TILE));
  return {
    source: indexLibrary + halfLibrary + blocksLibrary + source,
    features: accesses(node, params),
    constants: { ROW_LANES: down, COLUMN_LANES: across },
    params,
    workgroups: tiles * batches * heads,
  };
}

/** How operands and result are accessed: 4 numbers at once where every vector of them is whole, else one by one. */
function accesses(
  { attributes: { product } }: Node<AttentionMatmulAttributes>,
  { rows, columns, depth }: Layout,
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

/** One unit is one (batch, head). */
function attentionMatmulCpu(
  node: Node,
  tensors: CpuArguments,
  begin: number,
  end: number,
  { gemm }: CpuContext,
): void {
  const l = layout(node);
  const a = tensors.f32(0), b = tensors.f32(1), c = tensors.f32(2);
  for (let matrix = begin; matrix < end; matrix++) {
    const batch = Math.floor(matrix / l.heads), head = matrix % l.heads;
    for (let g = 0; g < l.inner; g++) {
      const innerHead = head * l.inner + g;
      const cOffset = batch * l.y_batch + head * l.y_head;
      gemm({
        products: [{
          k: l.depth,
          factor: 1,
          a,
          aOffset: batch * l.a_batch + Math.floor(innerHead / l.a_group) * l.a_head,
          aRow: l.a_row,
          aColumn: l.a_depth,
          b,
          bOffset: batch * l.b_batch + Math.floor(innerHead / l.b_group) * l.b_head,
          bRow: l.b_depth,
          bColumn: l.b_column,
        }],
        n: l.columns,
        rowBegin: 0,
        rowEnd: l.rows,
        ...(g > 0 && { addend: { view: c, offset: cOffset, row: l.y_row } }),
        c,
        cOffset,
        cRow: l.y_row,
      });
    }
  }
}

/** q·kᵀ for every head: [B,H,T,T], not scaled. */
export function attentionScores(
  program: Program,
  q: Tensor,
  k: Tensor,
  heads: number,
  keyHeads: number,
): Tensor {
  if (sizeOf(q) % heads !== 0) throw new RangeError(`Cannot cut "${q.name}" into ${heads} heads`);
  return apply(program, attentionMatmulOp, [q, k], { product: "scores", heads, keyHeads })[0];
}

/** p·v for every head: [B,T,H·D]. */
export function attentionContext(
  program: Program,
  p: Tensor,
  v: Tensor,
  heads: number,
  keyHeads: number,
): Tensor {
  return apply(program, attentionMatmulOp, [p, v], { product: "context", heads, keyHeads })[0];
}
