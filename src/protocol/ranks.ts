/**
 * Ranks of the clients: tiers dealt over a federation.
 *
 * @module
 */

import { countOf } from "./count_of.ts";
import { UserError } from "./errors.ts";

/** A rank that no client can have, or a list of ranks that does not fit the clients. */
export class RankError extends UserError {
  /** The class's name, for logs. */
  override name = "RankError";
}

/**
 * The rank of each client. A list as long as the clients is taken as it stands; a shorter one is a list of tiers, each getting an
 * almost equal share of the clients in the list's order, with the remainder going to the highest.
 *
 * @param ranks one per tier, or one per client.
 * @param serverRank the rank no client may exceed; the largest of `ranks` when left out.
 *
 * @throws {RankError} when the list is empty or longer than the clients, or a rank is 0, negative, not whole or above the server's.
 *
 * @example
 * ```ts
 * import { dealRanks } from "./ranks.ts";
 * if (dealRanks([2, 4, 8], 10).join() !== "2,2,2,4,4,4,8,8,8,8") throw new Error("unreachable");
 * ```
 */
export function dealRanks(
  ranks: readonly number[],
  clients: number,
  serverRank: number = Math.max(1, ...ranks),
): number[] {
  for (const rank of ranks) checkRank(rank, "rank");
  checkRank(serverRank, "server rank");
  const highest = Math.max(...ranks);
  if (highest > serverRank) {
    throw new RankError(`Cannot use rank ${highest}: expected at most the server's ${serverRank}`);
  }
  if (!Number.isInteger(clients) || clients < 1) {
    throw new RangeError(
      `Cannot deal ranks to ${clients} clients: expected a whole number of at least 1`,
    );
  }
  if (ranks.length === 0 || ranks.length > clients) {
    throw new RankError(
      `Cannot deal ranks [${ranks.join(", ")}] to ${countOf(clients, "client")}: expected 1 to ${
        countOf(clients, "rank")
      }, got ${ranks.length}`,
    );
  }
  const share = Math.floor(clients / ranks.length);
  const remainder = clients % ranks.length;
  const favoured = new Set(
    ranks.map((_, tier) => tier).sort((x, y) => ranks[y] - ranks[x]).slice(0, remainder),
  );
  return ranks.flatMap((rank, tier) =>
    new Array<number>(share + (favoured.has(tier) ? 1 : 0)).fill(rank)
  );
}

function checkRank(rank: number, what: string): void {
  if (!Number.isSafeInteger(rank) || rank < 1) {
    throw new RankError(`Cannot use ${what} ${rank}: expected a whole number of at least 1`);
  }
}

/**
 * Clients' ranks in words, however many clients there are.
 *
 * @example
 * ```ts
 * import { ranksText } from "./ranks.ts";
 * if (ranksText([8, 2, 2]) !== "2 of rank 2, 1 of rank 8") throw new Error("unreachable");
 * ```
 */
export function ranksText(ranks: readonly number[]): string {
  const counts = new Map<number, number>();
  for (const rank of ranks.toSorted((x, y) => x - y)) counts.set(rank, (counts.get(rank) ?? 0) + 1);
  return Array.from(counts, ([rank, count]) => `${count} of rank ${rank}`).join(", ");
}
