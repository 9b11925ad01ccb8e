import { adaptive } from "./adaptive.ts";
import type { Aggregation, Aggregator } from "./aggregator.ts";

/**
 * FedIT (Zhang et al., arXiv 2305.05644): one rank for all; A and B are each the n_k-weighted mean over the clients.
 *
 * Its `add` throws a RangeError when a client did not train every component.
 */
export const fedit: Aggregator = (bank): Aggregation => {
  // With everyone an owner of everything, the mean over owners is the mean over all.
  const aggregation = adaptive(bank);
  return {
    add(update) {
      const short = update.indices.find((list) => list.length !== bank.rank);
      if (short) {
        throw new RangeError(
          `Cannot aggregate by fedit: expected all ${bank.rank} components of client ${update.client}, got ${short.length}`,
        );
      }
      aggregation.add(update);
    },
    finish: aggregation.finish,
  };
};
