/** How many components of each module an exported adapter holds. @module */

import type { ModuleComponents } from "../protocol/bank.ts";
import { allComponents, gatherComponents } from "../protocol/components.ts";

/** The layouts there are, in the order users see them. */
export const peftLayouts = ["uniform", "compact"] as const;

/**
 * `uniform` gives every module all r components, so that one rank and one scale hold for the whole adapter, as some programs take for granted;
 * `compact` leaves out those that do nothing, and names each module's own rank in rank_pattern.
 */
export type PeftLayout = typeof peftLayouts[number];

/** A module as it is stored. */
export interface StoredModule extends ModuleComponents {
  /** Components, at least 1. */
  readonly rank: number;
}

/** Modules of rank r as a layout stores them. ΔW = B·A of each is the same in both, to the last bit. */
export function storedModules(
  modules: readonly ModuleComponents[],
  rank: number,
  layout: PeftLayout,
): StoredModule[] {
  if (layout === "uniform") return modules.map((module) => ({ ...module, rank }));
  return modules.map((module) => {
    const indices = livingComponents(module, rank);
    return { ...module, ...gatherComponents(module, rank, indices), rank: indices.length };
  });
}

/**
 * The components whose b_i is not zero: one that was never trained still has the zeros that it started with. Where there is none it is the first,
 * for PEFT has no module of rank 0.
 */
function livingComponents({ b }: ModuleComponents, rank: number): Uint32Array {
  const living = new Set<number>();
  b.forEach((value, at) => {
    if (value !== 0) living.add(at % rank);
  });
  if (living.size === 0) living.add(0);
  return allComponents(rank).filter((i) => living.has(i));
}
