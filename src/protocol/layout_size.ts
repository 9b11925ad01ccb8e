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
  const { rank, modules, head } = layout;
  // Each tensor's entry of the header: its name, escaped at worst, twice for the bank's list of names, and its numbers.
  const entry = (name: string) => 12 * name.length + 300;
  const perModule = modules.reduce((sum, { name }) => sum + 4 * entry(name) + 13 * rank, 0);
  const perTensor = head.reduce((sum, { name }) => sum + entry(name), 0);
  return 4 * layoutCells(layout) + perModule + perTensor + 4096;
}
