/** The two shapes of dispatch that most kernels have, and the CPU units that go with them. @module */

import indexLibrary from "../../kernels/lib/index.wgsl" with { type: "text" };
import reduceLibrary from "../../kernels/lib/reduce.wgsl" with { type: "text" };
import type { CpuFunction, KernelCall, KernelVariants } from "./op.ts";
import { elementCount, type Node, type Tensor } from "./program.ts";

/** Invocations a workgroup of an elementwise kernel. */
const ELEMENTS_PER_WORKGROUP = 256;

/** Elements a CPU unit of an elementwise operation. */
const ELEMENTS_PER_UNIT = 4096;

/** Options of a dispatch beside its text and its size. */
export type CallOptions = Pick<KernelCall, "features" | "constants" | "params">;

/** A dispatch with one invocation an element; adds `count` to the params. */
export function elementwiseCall(
  source: string,
  count: number,
  options: CallOptions = {},
): KernelCall {
  return {
    ...options,
    source: indexLibrary + source,
    params: { count, ...options.params },
    workgroups: Math.ceil(count / ELEMENTS_PER_WORKGROUP),
  };
}

/** A dispatch with one workgroup a row, its lanes by the variant, or no more than the row needs; adds `rows` to the params. */
export function rowwiseCall(
  source: string,
  rows: number,
  width: number,
  options: CallOptions = {},
  variant: string = lanesText(lanesFor(width)),
): KernelCall {
  return {
    ...options,
    source: indexLibrary + reduceLibrary + source,
    constants: { LANES: parseLanes(variant), ...options.constants },
    params: { rows, ...options.params },
    workgroups: rows,
  };
}

/** Invocations that share a row, of rowwise kernels whose rows `sizes` tells. */
export function laneVariants(
  sizes: (node: Node) => { readonly rows: number; readonly width: number },
): KernelVariants {
  return {
    kindOf(node) {
      const { rows, width } = sizes(node);
      return `${node.op} ${rows}x${width}`;
    },
    suiting(node, software) {
      const { rows, width } = sizes(node);
      // llvmpipe runs 8 invocations as one vector, so that their barriers cost nothing.
      const preferred = software ? LANES[0] : lanesFor(width);
      if (rows * width < SMALL) return [lanesText(preferred)];
      return [...new Set([preferred, ...LANES])].map(lanesText);
    },
  };
}

/** {@linkcode laneVariants} of kernels whose rows are those of the node's first input. */
export const rowwiseVariants: KernelVariants = laneVariants(({ inputs: [x] }) => ({
  rows: rowsOf(x),
  width: widthOf(x),
}));

/** Lanes of rowwise kernels: powers of two. */
const LANES = [8, 16, 32, 64];
/** Elements below which it does not matter how many lanes share a row. */
const SMALL = 2 ** 16;

function lanesText(lanes: number): string {
  return `${lanes} lanes`;
}

function parseLanes(variant: string): number {
  const lanes = LANES.find((lanes) => lanesText(lanes) === variant);
  if (lanes === undefined) {
    throw new RangeError(
      `Cannot share rows by "${variant}": expected ${LANES.map(lanesText).join(", ")}`,
    );
  }
  return lanes;
}

/** A power of two between 8 and 64: wide enough for the row, small enough to keep all lanes busy. */
function lanesFor(width: number): number {
  return LANES.find((lanes) => lanes >= width) ?? LANES[LANES.length - 1];
}

/** A CPU function whose units are chunks of `elements` independent elements. */
export function elementwiseCpu(
  elements: (node: Node) => number,
  run: CpuFunction["run"],
): CpuFunction {
  return {
    units: (node) => Math.ceil(elements(node) / ELEMENTS_PER_UNIT),
    run: (node, tensors, begin, end, context) =>
      run(
        node,
        tensors,
        begin * ELEMENTS_PER_UNIT,
        Math.min(end * ELEMENTS_PER_UNIT, elements(node)),
        context,
      ),
  };
}

/** A CPU function whose units are rows. */
export function rowwiseCpu(
  rows: (node: Node) => number,
  run: CpuFunction["run"],
): CpuFunction {
  return { units: rows, run };
}

/** Elements of a tensor. */
export function sizeOf(tensor: Tensor): number {
  return elementCount(tensor.shape);
}

/** Size of the last axis. */
export function widthOf(tensor: Tensor): number {
  return tensor.shape[tensor.shape.length - 1];
}

/** Product of all axes but the last. */
export function rowsOf(tensor: Tensor): number {
  return elementCount(tensor.shape) / widthOf(tensor);
}
