/**
 * Components that a client chose for itself, as the server checks them.
 *
 * @module
 */

import type { AdapterLayout } from "./bank.ts";
import { isIndexList } from "./components.ts";
import type { ServerMethod } from "./manifest.ts";
import type { Scope } from "./method.ts";

/** Indices a client chose for itself that break its budget. */
export class ClientChoiceError extends Error {
  /** The class's name, for logs. */
  override name = "ClientChoiceError";
}

/** Whether clients send their own choice of components in a round: they rank, the warm-up is over, and there is something to pick, as under `full` and `head` there is not. */
export function clientsChoose(
  { method, rankBy, warmupRounds }: Pick<ServerMethod, "method" | "rankBy" | "warmupRounds">,
  round: number,
): boolean {
  const picks = method === "freeze" || method === "truncate";
  return rankBy === "client" && picks && round >= warmupRounds;
}

/**
 * The server's check of components that a client chose for itself: only the budget, as the ranking is the client's own.
 *
 * @param indices per module.
 * @param clientRank the client's r_k.
 * @param layout the run's rank and modules.
 * @param scope under `module` every module has exactly r_k components; under `global` their total is r_k × modules.
 *
 * @throws {ClientChoiceError} when a list does not ascend, names a component that does not exist, or the budget is not kept.
 */
export function checkClientChoice(
  indices: readonly Uint32Array[],
  clientRank: number,
  layout: Pick<AdapterLayout, "rank" | "modules">,
  scope: Scope,
): void {
  const { rank, modules } = layout;
  if (indices.length !== modules.length) {
    throw new ClientChoiceError(
      `Cannot use the client's choice: expected ${modules.length} index lists, got ${indices.length}`,
    );
  }
  indices.forEach((list, m) => {
    if (!isIndexList(list, rank)) {
      throw new ClientChoiceError(
        `Cannot use the client's choice for "${
          modules[m].name
        }": expected ascending components below ${rank}, got [${list}]`,
      );
    }
    if (scope === "module" && list.length !== clientRank) {
      throw new ClientChoiceError(
        `Cannot use the client's choice for "${
          modules[m].name
        }": expected ${clientRank} components, got ${list.length}`,
      );
    }
  });
  const budget = clientRank * modules.length;
  const total = indices.reduce((sum, list) => sum + list.length, 0);
  if (total !== budget) {
    throw new ClientChoiceError(
      `Cannot use the client's choice: expected ${budget} components in all, got ${total}`,
    );
  }
}
