import type { AdapterBank } from "./bank.ts";

/** Share of all components that a client has trained, 0 to 1; 1 of none. */
export function trainedShare({ trained, rank }: Pick<AdapterBank, "trained" | "rank">): number {
  const count = trained.reduce((sum, mask) => sum + mask.reduce((ones, bit) => ones + bit, 0), 0);
  return trained.length === 0 ? 1 : count / (trained.length * rank);
}
