/**
 * Where each rank-1 component and head tensor lies in the packed buffers (parameters, gradient, moments, sensitivity).
 *
 * One buffer a role, slices aligned, so that an optimizer step is one dispatch. Each element belongs to a **slot**: slot 2(m·r + i) is row i of
 * module m's A, the slot after it column i of its B, so that a component can be trained by one factor; then a slot for each head tensor; the
 * last slot owns the gaps and is never trained.
 *
 * @module
 */

import { elementCount, SLICE_ALIGNMENT } from "../engine/program.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import type { HeadTensor } from "../models/family.ts";

/** A tensor's place in the packed buffers. */
export interface Slice {
  /** First element, counted from 0; a multiple of 64. */
  readonly offset: number;
  /** Row-major shape. */
  readonly shape: readonly number[];
}

/** The packed buffers of one adapted model. */
export interface PackedLayout {
  /** The server's rank r, the same for every module. */
  readonly rank: number;
  /** The adapted modules, in forward order. */
  readonly modules: readonly ModuleShape[];
  /** Tensors of the classification head. */
  readonly head: readonly HeadTensor[];
  /** Per module: its A, [r, inFeatures]. */
  readonly a: readonly Slice[];
  /** Per module: its B, [outFeatures, r]. */
  readonly b: readonly Slice[];
  /** Per head tensor: its place, in the tensor's own shape. */
  readonly headSlices: readonly Slice[];
  /** Elements in all, P. */
  readonly length: number;
  /** Slots in all, S = 2·modules·r + head tensors + 1. */
  readonly slots: number;
}

/** Places modules of rank r and a head one after the other: all A, all B, then the head. */
export function packLayout(
  modules: readonly ModuleShape[],
  rank: number,
  head: readonly HeadTensor[],
): PackedLayout {
  let length = 0;
  const place = (shape: readonly number[]): Slice => {
    const offset = length;
    length += Math.ceil(elementCount(shape) / SLICE_ALIGNMENT) * SLICE_ALIGNMENT;
    return { offset, shape };
  };
  const a = modules.map(({ inFeatures }) => place([rank, inFeatures]));
  const b = modules.map(({ outFeatures }) => place([outFeatures, rank]));
  const headSlices = head.map(({ shape }) => place(shape));
  const slots = 2 * modules.length * rank + head.length + 1;
  return { rank, modules, head, a, b, headSlices, length, slots };
}

/** Elements between the forward masks of two modules. */
export function maskStride({ rank }: Pick<PackedLayout, "rank">): number {
  return Math.ceil(rank / SLICE_ALIGNMENT) * SLICE_ALIGNMENT;
}

/** The slots of component i of module m: of its row of A, and of its column of B. */
export function componentSlots(
  layout: PackedLayout,
  m: number,
  i: number,
): { readonly a: number; readonly b: number } {
  const a = 2 * (m * layout.rank + i);
  return { a, b: a + 1 };
}

/** The slot of a head tensor. */
export function headSlot(layout: PackedLayout, tensor: number): number {
  return 2 * layout.modules.length * layout.rank + tensor;
}

/** The slot of each element, [P]. */
export function elementSlots(layout: PackedLayout): Uint32Array {
  const slots = new Uint32Array(layout.length).fill(layout.slots - 1);
  layout.modules.forEach(({ inFeatures, outFeatures }, m) => {
    for (let i = 0; i < layout.rank; i++) {
      const { a, b } = componentSlots(layout, m, i);
      const row = layout.a[m].offset + i * inFeatures;
      slots.fill(a, row, row + inFeatures);
      for (let j = 0; j < outFeatures; j++) slots[layout.b[m].offset + j * layout.rank + i] = b;
    }
  });
  layout.headSlices.forEach(({ offset, shape }, tensor) => {
    slots.fill(headSlot(layout, tensor), offset, offset + elementCount(shape));
  });
  return slots;
}
