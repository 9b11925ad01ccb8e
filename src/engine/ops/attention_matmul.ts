/** The products of multi-head attention, with grouped key heads (Ainslie et al. 2023): scores, context, and the gradient of shared keys. @module */

import { rowwiseCpu, sizeOf } from "../kernel_call.ts";
import {
  apply,
  type CpuArguments,
  type CpuContext,
  expectShape,
  nodeBytes,
  type Op,
} from "../op.ts";
import type { Node, Program, Tensor } from "../program.ts";
import { attentionMatmulKernel, attentionMatmulVariants } from "./attention_matmul_kernel.ts";
import { attentionLayout, type AttentionMatmulAttributes } from "./attention_matmul_layout.ts";
import { checkSharing } from "./attention_sizes.ts";

export const attentionMatmulOp: Op<AttentionMatmulAttributes> = {
  name: "attention_matmul",
  infer([a, b], { product, heads, keyHeads }) {
    checkSharing(heads, keyHeads);
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
    const { rows, columns, depth, batches, heads, inner } = attentionLayout(node);
    return { flops: 2 * rows * columns * depth * batches * heads * inner, bytes: nodeBytes(node) };
  },
  kernel: attentionMatmulKernel,
  variants: attentionMatmulVariants,
  cpu: rowwiseCpu((node) => {
    const { batches, heads } = attentionLayout(node);
    return batches * heads;
  }, attentionMatmulCpu),
};

/** One unit is one (batch, head). */
function attentionMatmulCpu(
  node: Node,
  tensors: CpuArguments,
  begin: number,
  end: number,
  { gemm }: CpuContext,
): void {
  const l = attentionLayout(node);
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
