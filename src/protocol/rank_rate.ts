/**
 * How a client's learning rate follows from its rank.
 *
 * @module
 */

/** The rules there are, in the order users see them. */
export const rankRates = ["equal", "root"] as const;

/**
 * The adapters' learning rate of a client that trains r_k of r components a module: the run's (`equal`), or √(r / r_k) times that (`root`).
 *
 * A step of Adam moves every trained weight by about the learning rate. ΔW is a sum over components, so a client that trains r_k of them moves it by
 * about √r_k times as much as one component does; under `root` the steps of all tiers are of one length. Ours; the paper does not say, so that
 * `equal` is the faithful reading.
 */
export type RankRate = typeof rankRates[number];

/**
 * The factor of a client's learning rate.
 *
 * @param rank the server's r.
 * @param trained per module: the components that the client trains; r_k is their mean number.
 *
 * @example
 * ```ts
 * import { rankFactor } from "./rank_rate.ts";
 * const trained = [[0, 5], [1, 2]]; // two of eight components in each of two modules
 * if (rankFactor("root", 8, trained) !== 2) throw new Error("unreachable");
 * ```
 */
export function rankFactor(
  rule: RankRate,
  rank: number,
  trained: readonly { readonly length: number }[],
): number {
  const total = trained.reduce((sum, { length }) => sum + length, 0);
  return rule === "equal" || total === 0 ? 1 : Math.sqrt(rank * trained.length / total);
}
