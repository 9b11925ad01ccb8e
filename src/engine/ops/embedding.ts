/** Rows of a table by id: token, position and type embeddings. @module */

import source from "../../../kernels/embedding.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/embedding_backward.wgsl" with { type: "text" };
import { elementwiseCall, rowwiseCall, rowwiseCpu, sizeOf, widthOf } from "../kernel_call.ts";
import { apply, nodeBytes, type Op } from "../op.ts";
import type { Attributes, Program, Tensor } from "../program.ts";

export const embeddingOp: Op<Record<never, never>> = {
  name: "embedding",
  infer([table, ids]) {
    if (table.shape.length !== 2 || ids.dtype !== "u32") {
      throw new RangeError(
        `Cannot apply embedding to "${table.name}": expected a table [V, C] and u32 ids, got [${
          table.shape.join(", ")
        }] and ${ids.dtype} ids`,
      );
    }
    return [{ name: `${table.name} rows`, shape: [...ids.shape, widthOf(table)] }];
  },
  gradient({ program, node, outputGradients: [dy], wanted }) {
    if (!wanted[0] || !dy) return [undefined, undefined];
    const [table, ids] = node.inputs;
    return [
      apply(program, embeddingBackwardOp, [ids, dy], { entries: table.shape[0] })[0],
      undefined,
    ];
  },
  cost: (node) => ({ flops: 0, bytes: 8 * sizeOf(node.outputs[0]) }),
  kernel: (node) =>
    elementwiseCall(source, sizeOf(node.outputs[0]), {
      params: { width: widthOf(node.outputs[0]) },
    }),
  cpu: rowwiseCpu((node) => sizeOf(node.inputs[1]), (node, tensors, begin, end) => {
    const table = tensors.f32(0), ids = tensors.u32(1), y = tensors.f32(2);
    const width = widthOf(node.outputs[0]);
    for (let n = begin; n < end; n++) {
      y.set(table.subarray(ids[n] * width, (ids[n] + 1) * width), n * width);
    }
  }),
};

interface EmbeddingBackwardAttributes extends Attributes {
  readonly entries: number;
}

/** Gathers per id in one fixed order instead of adding atomically; ids that do not occur are zeroed by the same dispatch's own pass over the table. */
export const embeddingBackwardOp: Op<EmbeddingBackwardAttributes> = {
  name: "embedding_backward",
  infer: ([, dy], { entries }) => [{ name: "dtable", shape: [entries, widthOf(dy)] }],
  cost: (node) => ({ flops: sizeOf(node.inputs[1]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    rowwiseCall(backwardSource, node.attributes.entries, widthOf(node.outputs[0]), {
      params: { tokens: sizeOf(node.inputs[0]), width: widthOf(node.outputs[0]) },
    }),
  cpu: rowwiseCpu((node) => node.outputs[0].shape[0], (node, tensors, begin, end) => {
    const ids = tensors.u32(0), dy = tensors.f32(1), table = tensors.f32(2);
    const width = widthOf(node.outputs[0]);
    table.fill(0, begin * width, end * width);
    for (let n = 0; n < ids.length; n++) {
      if (ids[n] < begin || ids[n] >= end) continue;
      for (let c = 0; c < width; c++) table[ids[n] * width + c] += dy[n * width + c];
    }
  }),
};

/** table[ids], shape [...ids, C]. Ids must lie below V: callers check their data, devices do not. */
export function embedding(program: Program, table: Tensor, ids: Tensor): Tensor {
  return apply(program, embeddingOp, [table, ids], {})[0];
}
