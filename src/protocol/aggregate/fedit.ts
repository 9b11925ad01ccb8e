import type { AdapterBank } from "../bank.ts";
import type { ClientUpdate } from "../update.ts";
import { adaptive } from "./adaptive.ts";

/**
 * FedIT (Zhang et al., arXiv 2305.05644): one rank for all; A and B are each the n_k-weighted mean over the clients.
 *
 * @throws {RangeError} when a client did not train every component.
 */
export function fedit(bank: AdapterBank, updates: readonly ClientUpdate[]): AdapterBank {
  for (const { client, indices } of updates) {
    const short = indices.find((list) => list.length !== bank.rank);
    if (short) {
      throw new RangeError(
        `Cannot aggregate by fedit: expected all ${bank.rank} components of client ${client}, got ${short.length}`,
      );
    }
  }
  // With everyone an owner of everything, the mean over owners is the mean over all.
  return adaptive(bank, updates);
}
