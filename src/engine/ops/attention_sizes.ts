/** What the operations of attention share: attributes and sizes. @module */

import rowsLibrary from "../../../kernels/lib/attention_rows.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import { attentionScratchBytes } from "../cpu/attention_wasm.ts";
import type { CpuFunction, KernelCall } from "../op.ts";
import type { Attributes, Node, Tensor } from "../program.ts";

/** Settings of an attention node. */
export interface AttentionAttributes extends Attributes {
  /** Query heads H. */
  readonly heads: number;
  /** Key heads Hkv, a divisor of H. */
  readonly keyHeads: number;
  /** Factor of the scores, above 0. */
  readonly scale: number;
  /** Hides the keys after the query. */
  readonly causal: boolean;
  /** Whether the mask numbers the documents of a row, from 1, each of which lies in one piece; a query sees keys of its own alone then. */
  readonly documents: boolean;
}

/** Sizes of an attention node whose first inputs are q [B,T,H·D] and k [B,T,Hkv·D]. */
export interface AttentionSizes {
  readonly batch: number;
  readonly tokens: number;
  readonly headSize: number;
}

/** The sizes of a node. */
export function attentionSizes(
  { inputs: [q], attributes }: Pick<Node<AttentionAttributes>, "inputs" | "attributes">,
): AttentionSizes {
  const [batch, tokens, width] = q.shape;
  return { batch, tokens, headSize: width / attributes.heads };
}

/** Throws RangeError unless every key head has as many query heads as the others. */
export function checkSharing(heads: number, keyHeads: number): void {
  if (heads % keyHeads === 0) return;
  throw new RangeError(
    `Cannot share ${keyHeads} key heads among ${heads} query heads: expected a divisor of ${heads}`,
  );
}

/** Throws RangeError unless q [B,T,H·D] has H heads of at most `largest` columns, which share their key heads evenly. */
export function checkHeads(q: Tensor, heads: number, keyHeads: number, largest: number): void {
  checkSharing(heads, keyHeads);
  const width = q.shape[2];
  if (width % heads === 0 && width / heads <= largest) return;
  throw new RangeError(
    `Cannot cut "${q.name}" of width ${width} into ${heads} heads: expected a divisor of ${width} and a head size of at most ${largest}`,
  );
}

/** How the CPU functions are cut, and what they need: a unit is a key head of an entry, with all query heads that share it. */
export const attentionUnits: Pick<CpuFunction, "units" | "scratch"> = {
  units: ({ inputs: [q], attributes }) => q.shape[0] * (attributes.keyHeads as number),
  scratch(node) {
    const { tokens, headSize } = attentionSizes(node as Node<AttentionAttributes>);
    return attentionScratchBytes(tokens, headSize);
  },
};

/** B·H·T·T, the scores that are computed and not kept. */
export function scoreCount(node: Node<AttentionAttributes>): number {
  const { batch, tokens } = attentionSizes(node);
  return batch * node.attributes.heads * tokens * tokens;
}

/** Queries or keys that a workgroup of the kernels covers. */
const KERNEL_TILE = 32;
/** Columns of a head that the kernels hold in one matrix of an invocation, of which they have up to four. */
const KERNEL_COLUMNS = 32;
/** The largest head size D of an attention node: what the kernels hold. */
export const LARGEST_HEAD_SIZE: number = 4 * KERNEL_COLUMNS;

/** A kernel's call with a workgroup for each tile of tokens of `heads` heads. */
export function attentionCall(
  node: Node<AttentionAttributes>,
  source: string,
  heads: number,
  features: readonly string[] = [],
): KernelCall {
  const { batch, tokens, headSize } = attentionSizes(node);
  const { attributes } = node;
  const columns = [64, 96, 128].filter((_, i) => headSize > KERNEL_COLUMNS * (i + 1));
  return {
    source: indexLibrary + rowsLibrary + source,
    features: [
      headSize % 4 === 0 ? "VECTOR" : "SCALAR",
      ...columns.map((count) => `COLUMNS_${count}`),
      ...(attributes.documents ? ["DOCUMENTS"] : []),
      ...features,
    ],
    constants: { CAUSAL: attributes.causal ? 1 : 0 },
    params: {
      batches: batch,
      tokens,
      heads: attributes.heads,
      group: attributes.heads / attributes.keyHeads,
      head_size: headSize,
      scale: attributes.scale,
    },
    workgroups: batch * heads * Math.ceil(tokens / KERNEL_TILE),
  };
}
