/** Attention of new tokens over all those before them, whose keys and values are kept from run to run. @module */

import source from "../../../kernels/cached_attention.wgsl" with { type: "text" };
import { SIMD_BYTES_PER_NANOSECOND } from "../cpu/share.ts";
import { rowwiseCall } from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Attributes, Node, Program, Tensor } from "../program.ts";
import { checkHeads } from "./attention_sizes.ts";

/** Settings of a node. */
export interface CachedAttentionAttributes extends Attributes {
  /** Query heads H. */
  readonly heads: number;
  /** Key heads Hkv, a divisor of H. */
  readonly keyHeads: number;
  /** Factor of the scores. */
  readonly scale: number;
}

/** Invocations that share a query; each has up to four columns of its result. */
const LANES = 64;
/** The largest head size D. */
const LARGEST_CACHED_HEAD = 4 * LANES;

interface Sizes {
  readonly tokens: number;
  readonly capacity: number;
  readonly headSize: number;
}

function sizesOf(
  { inputs: [q, keys], attributes }: Pick<Node<CachedAttentionAttributes>, "inputs" | "attributes">,
): Sizes {
  return { tokens: q.shape[1], capacity: keys.shape[0], headSize: q.shape[2] / attributes.heads };
}

export const cachedAttentionOp: Op<CachedAttentionAttributes> = {
  name: "cached_attention",
  infer([q, keys, values, cursor], { heads, keyHeads }) {
    const [batch, tokens, width] = q.shape;
    if (batch !== 1) {
      throw new RangeError(
        `Cannot attend to cached keys with "${q.name}": expected one row of tokens, got ${batch}`,
      );
    }
    checkHeads(q, heads, keyHeads, LARGEST_CACHED_HEAD);
    const capacity = keys.shape[0];
    if (capacity % tokens !== 0) {
      throw new RangeError(
        `Cannot keep ${tokens} tokens at a time in "${keys.name}": expected a divisor of ${capacity}`,
      );
    }
    expectShape("cached_attention", keys, [capacity, width / heads * keyHeads]);
    expectShape("cached_attention", values, keys.shape);
    expectShape("cached_attention", cursor, [1]);
    return [{ name: "context", shape: q.shape }];
  },
  cost(node) {
    const { tokens, capacity, headSize } = sizesOf(node);
    const scores = tokens * capacity * node.attributes.heads;
    return { flops: scores * (4 * headSize + 8), bytes: nodeBytes(node) };
  },
  kernel(node) {
    const { tokens, capacity, headSize } = sizesOf(node);
    const { heads, keyHeads, scale } = node.attributes;
    return rowwiseCall(source, tokens * heads, LANES, {
      params: { tokens, capacity, heads, group: heads / keyHeads, head_size: headSize, scale },
    });
  },
  cpu: {
    // Head by head, so that the queries of a block find the keys of their head in the cache.
    units: ({ inputs: [q], attributes }) => q.shape[1] * (attributes.heads as number),
    bytesPerNanosecond: SIMD_BYTES_PER_NANOSECOND,
    scratch: ({ inputs: [, keys] }) => 4 * keys.shape[0],
    run(node, tensors, begin, end, { matvec, scratch }) {
      const { attributes } = node as Node<CachedAttentionAttributes>;
      const { tokens, capacity, headSize } = sizesOf(node as Node<CachedAttentionAttributes>);
      const { heads, keyHeads, scale } = attributes;
      const [q, keys, values, context] = [0, 1, 2, 4].map((position) => tensors.f32(position));
      const before = tensors.u32(3)[0] * tokens;
      for (let unit = begin; unit < end; unit++) {
        const head = Math.floor(unit / tokens), token = unit % tokens;
        const visible = Math.min(before + token + 1, capacity);
        const place = (token * heads + head) * headSize;
        const rows = {
          matrixOffset: Math.floor(head * keyHeads / heads) * headSize,
          matrixRow: keyHeads * headSize,
          columns: headSize,
        };
        matvec.dot(
          {
            ...{ ...rows, matrix: keys, vector: q, vectorOffset: place, factor: scale },
            ...{ y: scratch, yOffset: 0 },
          },
          0,
          visible,
        );
        matvec.softmax(scratch, 0, visible);
        matvec.sumRows({
          ...{ ...rows, matrix: values, rows: visible, weights: scratch, weightsOffset: 0 },
          ...{ y: context, yOffset: place },
        });
      }
    },
  },
};

/**
 * softmax(scale·q·keysᵀ)·values for every head of T new tokens, each over itself and the tokens before it: [1,T,H·D]. q [1,T,H·D] with D up to 256; keys and
 * values [capacity, Hkv·D] in the order of the tokens, those of the new ones among them; cursor [1] u32 says how many blocks of T tokens lie before the new
 * ones, and what lies behind these is not read. H / Hkv query heads share a key head (Ainslie et al. 2023). No gradient: nothing is trained through a cache.
 */
export function cachedAttention(
  program: Program,
  q: Tensor,
  keys: Tensor,
  values: Tensor,
  cursor: Tensor,
  attributes: CachedAttentionAttributes,
): Tensor {
  return apply(program, cachedAttentionOp, [q, keys, values, cursor], attributes)[0];
}
