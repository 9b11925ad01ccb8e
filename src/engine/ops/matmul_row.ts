/** The matrix product on the CPU where a has one row: a linear layer of a single token. @module */

import { isInt8Rows } from "../int8.ts";
import { widthOf } from "../kernel_call.ts";
import type { CpuArguments, CpuContext } from "../op.ts";
import type { Node } from "../program.ts";
import { attributesOf, layoutOf, optionalInputs } from "./matmul_layout.ts";

/** Whether a node is a product of one row with rows of b. It is told by the node, not by a thread's part of it, so that no result depends on threads. */
export function isRowProduct(node: Node): boolean {
  return layoutOf(node).m === 1 && attributesOf(node).transposeB;
}

/** y = α·b·a + bias + s·v·u + residual, for columns [begin, end) of y; masks of columns are not its business. */
export function multiplyRow(
  node: Node,
  tensors: CpuArguments,
  begin: number,
  end: number,
  { matvec, vector }: CpuContext,
): void {
  const { k } = layoutOf(node);
  const attributes = attributesOf(node);
  const at = optionalInputs(attributes);
  const y = tensors.f32(node.inputs.length);
  const b = tensors.weight(1);
  const result = { vectorOffset: 0, matrixOffset: 0, y, yOffset: 0 };
  matvec.dot(
    {
      ...result,
      ...(isInt8Rows(b) ? { matrix: b.values, scales: b.scales } : { matrix: b }),
      matrixRow: k,
      columns: k,
      vector: tensors.f32(0),
      factor: attributes.alpha,
      ...(at.bias >= 0 && { addend: { view: tensors.f32(at.bias), offset: 0 } }),
    },
    begin,
    end,
  );
  if (at.u >= 0) {
    const rank = widthOf(node.inputs[at.u]);
    matvec.dot(
      {
        ...result,
        matrix: tensors.f32(at.v),
        matrixRow: rank,
        columns: rank,
        vector: tensors.f32(at.u),
        factor: attributes.scale,
        addend: { view: y, offset: 0 },
      },
      begin,
      end,
    );
  }
  if (at.residual >= 0) vector.add(y, tensors.f32(at.residual), y, begin, end);
}
