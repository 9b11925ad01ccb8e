/** How large an adapter and its messages are, before there is any: no party makes or reads more than a manifest's layout asks for. @module */

import type { AdapterLayout } from "./bank.ts";
import { cellCount } from "./cell_count.ts";

/** Most numbers of a run's adapter: 1 GiB of float32, far above the adapters of any model that trains on a client. */
export const MAX_CELLS = 2 ** 28;

/** Largest rank of a run, far above any that LoRA is used with. */
export const MAX_RANK = 4096;

/** Numbers of a bank: A and B of all modules, and the head. */
export function layoutCells({ rank, modules, head }: AdapterLayout): number {
  const lora = modules.reduce((sum, module) => sum + module.inFeatures + module.outFeatures, 0);
  return rank * lora + head.reduce((sum, { shape }) => sum + cellCount(shape), 0);
}

/** The most bytes that a bank or a client's message of this layout can have, so that no larger body need be read. */
export function largestBody(layout: AdapterLayout): number {
  const { rank, modules } = layout;
  return largestHeader(layout) + 4 * layoutCells(layout) + 13 * rank * modules.length;
}

/**
 * The most bytes that the JSON before the numbers of a bank or a message can have. A body without numbers could be JSON alone, which takes many times its
 * bytes once it is parsed.
 */
export function largestHeader({ modules, head }: Pick<AdapterLayout, "modules" | "head">): number {
  return 4 * entries(modules) + entries(head) + 4096;
}

/** The most bytes that a client's choice of components can have: an index list a module. */
export function largestChoice({ modules, rank }: Pick<AdapterLayout, "modules" | "rank">): number {
  return entries(modules) + 4 * rank * modules.length + 4096;
}

/** A tensor's entry of the header, for each: its name, escaped at worst, twice for the bank's list of names, and its numbers. */
function entries(named: readonly { readonly name: string }[]): number {
  return named.reduce((sum, { name }) => sum + 12 * name.length + 300, 0);
}
