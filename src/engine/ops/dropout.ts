/** Dropout with a counter-based generator: the mask depends on (element, seed, stream) alone and is never stored. @module */

import source from "../../../kernels/dropout.wgsl" with { type: "text" };
import library from "../../../kernels/lib/random.wgsl" with { type: "text" };
import { elementwiseCall, elementwiseCpu, sizeOf } from "../kernel_call.ts";
import { apply, expectShape, nodeBytes, type Op } from "../op.ts";
import type { Attributes, Node, Program, Tensor } from "../program.ts";

interface DropoutAttributes extends Attributes {
  readonly rate: number;
  readonly stream: number;
}

export const dropoutOp: Op<DropoutAttributes> = {
  name: "dropout",
  infer([x, seed]) {
    expectShape("dropout", seed, [1]);
    return [{ name: `${x.name} dropped out`, shape: x.shape }];
  },
  gradient: ({ program, node, outputGradients: [dy] }) => [
    dy && apply(program, dropoutOp, [dy, node.inputs[1]], node.attributes)[0],
    undefined,
  ],
  cost: (node) => ({ flops: 20 * sizeOf(node.outputs[0]), bytes: nodeBytes(node) }),
  kernel: (node) =>
    elementwiseCall(library + source, sizeOf(node.outputs[0]), {
      params: { stream: node.attributes.stream, rate: node.attributes.rate },
    }),
  cpu: elementwiseCpu((node) => sizeOf(node.outputs[0]), (node, tensors, begin, end) => {
    const { rate, stream } = (node as Node<DropoutAttributes>).attributes;
    const x = tensors.f32(0), seed = tensors.u32(1)[0], y = tensors.f32(2);
    // The kernel compares and divides in f32; the same numbers are dropped only if this side does too.
    const threshold = Math.fround(rate);
    const kept = Math.fround(1 - threshold);
    for (let i = begin; i < end; i++) {
      y[i] = uniformAt(i, seed, stream) >= threshold ? x[i] / kept : 0;
    }
  }),
};

/** kernels/lib/random.wgsl on the CPU, bit for bit. */
function uniformAt(index: number, seed: number, stream: number): number {
  const state = index + Math.imul(seed, 0x9E3779B9) + Math.imul(stream, 0x85EBCA6B);
  return (pcg(pcg(state >>> 0)) >>> 8) / 16777216;
}

function pcg(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Drops elements of x at `rate` and scales the rest by 1 / (1 − rate); `seed` [1] u32 changes every step, `stream` tells sites apart. */
export function dropout(
  program: Program,
  x: Tensor,
  seed: Tensor,
  rate: number,
  stream: number,
): Tensor {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(
      `Cannot apply dropout at rate ${rate}: expected a rate of at least 0 and below 1`,
    );
  }
  return rate === 0 ? x : apply(program, dropoutOp, [x, seed], { rate, stream })[0];
}
