/** Rows of a table by id: token, position and type embeddings. @module */

import source from "../../../kernels/embedding.wgsl" with { type: "text" };
import indexLibrary from "../../../kernels/lib/index.wgsl" with { type: "text" };
import halfLibrary from "../../../kernels/lib/half.wgsl" with { type: "text" };
import int8Library from "../../../kernels/lib/int8.wgsl" with { type: "text" };
import backwardSource from "../../../kernels/embedding_backward.wgsl" with { type: "text" };
import { elementwiseCall, rowsOf, rowwiseCpu, sizeOf, widthOf } from "../kernel_call.ts";
import { firstScale, isInt8Rows } from "../int8.ts";
import { apply, nodeBytes, type Op } from "../op.ts";
import { activationTensor, elementBytes, type Program, type Tensor } from "../program.ts";
import { rowParts } from "../table_parts.ts";

/** A cache line of a row. */
const COLUMNS_PER_UNIT = 16;
/** Invocations a workgroup of the backward kernel, each of which adds up four columns. */
const BACKWARD_LANES = 128;

export const embeddingOp: Op<Record<never, never>> = {
  name: "embedding",
  compactInputs: [0],
  infer([table, ids]) {
    if (table.shape.length < 2 || ids.dtype !== "u32") {
      throw new RangeError(
        `Cannot apply embedding to "${table.name}": expected a table [..., C] and u32 ids, got [${
          table.shape.join(", ")
        }] and ${ids.dtype} ids`,
      );
    }
    return [{ name: `${table.name} rows`, shape: [...ids.shape, widthOf(table)] }];
  },
  gradient({ program, node, outputGradients: [dy], wanted }) {
    if (!wanted[0] || !dy) return [undefined, undefined];
    const [table, ids] = node.inputs;
    const gradient = activationTensor(program, `d${table.name}`, table.shape);
    program.nodes.push({
      op: embeddingBackwardOp.name,
      inputs: [ids, dy],
      outputs: [gradient],
      attributes: {},
    });
    return [gradient, undefined];
  },
  cost: ({ inputs: [table], outputs: [y] }) => ({
    flops: 0,
    bytes: (elementBytes(table.dtype) + elementBytes(y.dtype)) * sizeOf(y),
  }),
  kernel(node, _variant, largestBinding = Infinity) {
    const { inputs: [table], outputs: [y] } = node;
    const text = halfLibrary + int8Library + source;
    const width = widthOf(y);
    if (table.dtype === "int8") {
      const params = { width, scales: firstScale(sizeOf(table)) };
      return elementwiseCall(text, sizeOf(y), { features: ["INT8_TABLE"], params });
    }
    const features = table.dtype === "f16" ? ["HALF_TABLE"] : [];
    const parts = rowParts(table, largestBinding);
    if (parts.length === 1) {
      return elementwiseCall(text, sizeOf(y), { features, params: { width } });
    }
    const bytes = embeddingOp.cost(node).bytes / parts.length;
    return parts.map(({ first, count }) => ({
      ...elementwiseCall(text, sizeOf(y), {
        features: [...features, "PART"],
        params: { width, first_row: first, part_rows: count },
      }),
      bindings: [{ tensor: 0, first: first * width, length: count * width }, 1, 2],
      cost: { flops: 0, bytes },
    }));
  },
  cpu: rowwiseCpu((node) => sizeOf(node.inputs[1]), (node, tensors, begin, end) => {
    const table = tensors.weight(0), ids = tensors.u32(1), y = tensors.f32(2);
    const width = widthOf(node.outputs[0]);
    for (let n = begin; n < end; n++) {
      const first = ids[n] * width;
      if (isInt8Rows(table)) {
        const scale = table.scales[ids[n]];
        for (let c = 0; c < width; c++) y[n * width + c] = table.values[first + c] * scale;
      } else y.set(table.subarray(first, first + width), n * width);
    }
  }),
};

/** Gathers per id in one fixed order instead of adding atomically; ids that do not occur are zeroed by the same dispatch's own pass over the table. */
export const embeddingBackwardOp: Op<Record<never, never>> = {
  name: "embedding_backward",
  // The table's shape is known to embedding's gradient alone, which makes the output itself.
  infer: () => [],
  cost: (node) => ({ flops: sizeOf(node.inputs[1]), bytes: nodeBytes(node) }),
  kernel(node) {
    const { inputs: [ids, dy], outputs: [gradient] } = node;
    const rows = rowsOf(gradient), width = widthOf(gradient), tokens = sizeOf(ids);
    const workgroups = rows * Math.ceil(width / (4 * BACKWARD_LANES));
    return {
      source: indexLibrary + backwardSource,
      constants: { LANES: BACKWARD_LANES },
      params: { rows, tokens, width },
      workgroups,
      // Every workgroup reads all ids: of a table with many rows that is more than all else.
      cost: {
        flops: sizeOf(dy) + workgroups * tokens,
        bytes: nodeBytes(node) + workgroups * elementBytes(ids.dtype) * tokens,
      },
    };
  },
  // By columns: rows of the table are used unequally, all of them by one thread where there is one token type.
  cpu: {
    units: (node) => Math.ceil(widthOf(node.outputs[0]) / COLUMNS_PER_UNIT),
    run(node, tensors, begin, end, { vector }) {
      const width = widthOf(node.outputs[0]);
      const call = { ids: tensors.u32(0), x: tensors.f32(1), table: tensors.f32(2), width };
      const last = Math.min(end * COLUMNS_PER_UNIT, width);
      vector.scatterRows(call, begin * COLUMNS_PER_UNIT, last);
    },
  },
};

/**
 * table[ids], shape [...ids, C]. A table's axes before the last count as one of V entries, so that rows of hidden states [B,T,C] can be picked too.
 * Ids must lie below V: callers check their data, devices do not. The table may be of a compact type.
 */
export function embedding(program: Program, table: Tensor, ids: Tensor): Tensor {
  return apply(program, embeddingOp, [table, ids], {})[0];
}
