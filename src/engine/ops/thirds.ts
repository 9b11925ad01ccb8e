/** Rows cut in three, and put together again: query, key and value that one linear layer computes, as in GPT-2. @module */

import joinSource from "../../../kernels/join_thirds.wgsl" with { type: "text" };
import splitSource from "../../../kernels/split_thirds.wgsl" with { type: "text" };
import { elementwiseCall, rowsOf, rowwiseCpu, sizeOf, widthOf } from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Program, Tensor } from "../program.ts";
import { fill } from "./fill.ts";

type NoAttributes = Record<never, never>;

const callOf = (source: string, part: Tensor) =>
  elementwiseCall(source, sizeOf(part), { params: { width: widthOf(part) } });

export const splitThirdsOp: Op<NoAttributes> = {
  name: "split_thirds",
  infer([x]) {
    const width = widthOf(x) / 3;
    if (!Number.isInteger(width)) {
      throw new RangeError(
        `Cannot cut "${x.name}" [${x.shape.join(", ")}] in three: expected a multiple of 3 columns`,
      );
    }
    const shape = [...x.shape.slice(0, -1), width];
    return ["first", "second", "last"].map((part) => ({
      name: `${part} third of ${x.name}`,
      shape,
    }));
  },
  gradient({ program, node, outputGradients }) {
    if (outputGradients.every((dy) => dy === undefined)) return [undefined];
    const [first, second, third] = outputGradients.map((dy, i) =>
      dy ?? fill(program, node.outputs[i].shape, 0)
    );
    return [joinThirds(program, first, second, third)];
  },
  cost: (node) => ({ flops: 0, bytes: nodeBytes(node) }),
  kernel: (node) => callOf(splitSource, node.outputs[0]),
  cpu: rowwiseCpu((node) => rowsOf(node.inputs[0]), (node, tensors, begin, end) => {
    const x = tensors.f32(0), width = widthOf(node.outputs[0]);
    for (let part = 0; part < 3; part++) {
      const y = tensors.f32(1 + part);
      for (let n = begin; n < end; n++) {
        const from = (3 * n + part) * width;
        y.set(x.subarray(from, from + width), n * width);
      }
    }
  }),
};

export const joinThirdsOp: Op<NoAttributes> = {
  name: "join_thirds",
  infer([first, second, third]) {
    expectShape("join_thirds", second, first.shape);
    expectShape("join_thirds", third, first.shape);
    return [{ name: "joined", shape: [...first.shape.slice(0, -1), 3 * widthOf(first)] }];
  },
  gradient: ({ program, outputGradients: [dy] }) =>
    dy ? splitThirds(program, dy) : [undefined, undefined, undefined],
  cost: (node) => ({ flops: 0, bytes: nodeBytes(node) }),
  kernel: (node) => callOf(joinSource, node.inputs[0]),
  cpu: rowwiseCpu((node) => rowsOf(node.outputs[0]), (node, tensors, begin, end) => {
    const y = tensors.f32(3), width = widthOf(node.inputs[0]);
    for (let part = 0; part < 3; part++) {
      const x = tensors.f32(part);
      for (let n = begin; n < end; n++) {
        y.set(x.subarray(n * width, (n + 1) * width), (3 * n + part) * width);
      }
    }
  }),
};

/** The three parts [..., W] of the rows of x [..., 3W], from left to right. */
export function splitThirds(program: Program, x: Tensor): readonly Tensor[] {
  return apply(program, splitThirdsOp, [x], {});
}

/** Rows [..., W] of equal shape side by side: [..., 3W]. */
export function joinThirds(
  program: Program,
  first: Tensor,
  second: Tensor,
  third: Tensor,
): Tensor {
  return apply(program, joinThirdsOp, [first, second, third], {})[0];
}
