/**
 * Where each rank-1 component and head tensor lies in the packed buffers (parameters, gradient, moments, sensitivity).
 *
 * One buffer a role, slices aligned, so that an optimizer step is one dispatch. Each element belongs to a **slot**: slot m·r + i is component i of
 * module m (row i of its A, column i of its B); then a slot for each head tensor; the last slot owns the gaps and is never trained.
 *
 * @module
 */

import { elementCount, SLICE_ALIGNMENT } from "../engine/program.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import type { HeadTensor } from "../models/family.ts";

/** A tensor's place in the packed buffers; `offset` in elements. */
export interface Slice {
  readonly offset: number;
  readonly shape: readonly number[];
}

/** The packed buffers of one adapted model. */
export interface PackedLayout {
  readonly rank: number;
  readonly modules: readonly ModuleShape[];
  readonly head: readonly HeadTensor[];
  /** Per module: A [r, in] and B [out, r]. */
  readonly a: readonly Slice[];
  readonly b: readonly Slice[];
  /** Per head tensor. */
  readonly headSlices: readonly Slice[];
  /** Elements in all, P. */
  readonly length: number;
  /** Slots in all, S = modules·r + head tensors + 1. */
  readonly slots: number;
}

/** Packs modules of rank r and a head. */
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
  const slots = modules.length * rank + head.length + 1;
  return { rank, modules, head, a, b, headSlices, length, slots };
}

/** The slot of component i of module m. */
export function componentSlot(layout: PackedLayout, m: number, i: number): number {
  return m * layout.rank + i;
}

/** The slot of a head tensor. */
export function headSlot(layout: PackedLayout, tensor: number): number {
  return layout.modules.length * layout.rank + tensor;
}

/** The slot of each element, [P]. */
export function elementSlots(layout: PackedLayout): Uint32Array {
  const slots = new Uint32Array(layout.length).fill(layout.slots - 1);
  layout.modules.forEach(({ inFeatures, outFeatures }, m) => {
    for (let i = 0; i < layout.rank; i++) {
      const slot = componentSlot(layout, m, i);
      slots.fill(
        slot,
        layout.a[m].offset + i * inFeatures,
        layout.a[m].offset + (i + 1) * inFeatures,
      );
      for (let j = 0; j < outFeatures; j++) slots[layout.b[m].offset + j * layout.rank + i] = slot;
    }
  });
  layout.headSlices.forEach(({ offset, shape }, tensor) => {
    slots.fill(headSlot(layout, tensor), offset, offset + elementCount(shape));
  });
  return slots;
}
