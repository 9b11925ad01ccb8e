/**
 * Taking rank-1 components out of a module and putting them back.
 *
 * A is stored [r, in], so a component is a row of it; B is stored [out, r], so a component is a column.
 *
 * @module
 */

import type { ModuleComponents, ModuleShape } from "./bank.ts";

/** Some components of a module, in the order of an index list of length n. */
export interface ComponentSlices {
  /** [n, inFeatures]. */
  readonly a: Float32Array;
  /** [outFeatures, n]. */
  readonly b: Float32Array;
}

/**
 * Copies the listed components out of a module of rank `rank`.
 *
 * @example
 * ```ts
 * import { gatherComponents } from "./components.ts";
 * const module = { name: "q", inFeatures: 1, outFeatures: 1, a: new Float32Array([1, 2, 3]), b: new Float32Array([4, 5, 6]) };
 * const { a, b } = gatherComponents(module, 3, new Uint32Array([0, 2]));
 * if (a.join() !== "1,3" || b.join() !== "4,6") throw new Error("unreachable");
 * ```
 */
export function gatherComponents(
  module: ModuleComponents,
  rank: number,
  indices: Uint32Array,
): ComponentSlices {
  return { a: gatherA(module, indices), b: gatherB(module, rank, indices) };
}

/** A of {@linkcode gatherComponents} alone. */
export function gatherA(
  { inFeatures, a }: Pick<ModuleComponents, "inFeatures" | "a">,
  indices: Uint32Array,
): Float32Array {
  const rows = new Float32Array(indices.length * inFeatures);
  indices.forEach((index, n) => {
    rows.set(a.subarray(index * inFeatures, (index + 1) * inFeatures), n * inFeatures);
  });
  return rows;
}

/** B of {@linkcode gatherComponents} alone. */
export function gatherB(
  { outFeatures, b }: Pick<ModuleComponents, "outFeatures" | "b">,
  rank: number,
  indices: Uint32Array,
): Float32Array {
  const count = indices.length;
  const columns = new Float32Array(outFeatures * count);
  indices.forEach((index, n) => {
    for (let j = 0; j < outFeatures; j++) columns[j * count + n] = b[j * rank + index];
  });
  return columns;
}

/** The reverse of {@linkcode gatherComponents}: a module of rank `rank` with the listed components, and zeros in the others. */
export function scatterComponents(
  { name, inFeatures, outFeatures }: ModuleShape,
  rank: number,
  indices: Uint32Array,
  slices: ComponentSlices,
): ModuleComponents {
  const count = indices.length;
  const a = new Float32Array(rank * inFeatures);
  const b = new Float32Array(outFeatures * rank);
  indices.forEach((index, n) => {
    a.set(slices.a.subarray(n * inFeatures, (n + 1) * inFeatures), index * inFeatures);
    for (let j = 0; j < outFeatures; j++) b[j * rank + index] = slices.b[j * count + n];
  });
  return { name, inFeatures, outFeatures, a, b };
}

/** The dense update ΔW = s·B·A of a module, [outFeatures, inFeatures], in double precision. */
export function deltaWeight(module: ModuleComponents, scale: number): Float64Array {
  const { inFeatures, outFeatures, a, b } = module;
  const rank = a.length / inFeatures;
  const delta = new Float64Array(outFeatures * inFeatures);
  for (let row = 0; row < outFeatures; row++) {
    for (let i = 0; i < rank; i++) {
      const factor = scale * b[row * rank + i];
      for (let column = 0; column < inFeatures; column++) {
        delta[row * inFeatures + column] += factor * a[i * inFeatures + column];
      }
    }
  }
  return delta;
}

/** 0, 1, …, rank − 1: the index list of all components. */
export function allComponents(rank: number): Uint32Array {
  return Uint32Array.from({ length: rank }, (_, i) => i);
}

/** The r-vector that is 1 at the listed components and 0 elsewhere. */
export function maskOf(indices: Uint32Array, rank: number): Uint8Array {
  const mask = new Uint8Array(rank);
  for (const index of indices) mask[index] = 1;
  return mask;
}

/** The ascending index list of a mask's ones. */
export function indicesOf(mask: Uint8Array): Uint32Array {
  return allComponents(mask.length).filter((i) => mask[i] === 1);
}

/** Whether an index list ascends without repeats and stays below `rank`. */
export function isIndexList(indices: Uint32Array, rank: number): boolean {
  return indices.every((index, n) => index < rank && (n === 0 || index > indices[n - 1]));
}
