/** Sizes and strides of the products of multi-head attention, as their kernel and CPU function read them. @module */

import type { Attributes, Node } from "../program.ts";

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
export type AttentionLayout = Record<
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

export function attentionLayout(node: Node): AttentionLayout {
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
