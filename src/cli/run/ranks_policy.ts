/** `--ranks` of a run: how each client's rank is settled. @module */

import { defaultConfig, type RunConfig } from "../../federated/run_config.ts";
import { settings } from "../../federated/settings.ts";
import { UserError } from "../../protocol/errors.ts";
import type { RanksPolicy } from "../../protocol/manifest.ts";
import { dealRanks } from "../../protocol/ranks.ts";

/** What `--ranks` says, before the seats are known. */
export type RanksChoice =
  /** Tiers, dealt over the seats. */
  | { readonly kind: "fixed"; readonly tiers: readonly number[] }
  /** Each client states its own. */
  | { readonly kind: "stated" }
  /** The server picks one of these for each client; ascending. */
  | { readonly kind: "auto"; readonly tiers: readonly number[] };

/**
 * Reads `--ranks`: "2,4,8", "stated" or "auto:2,4,8".
 *
 * @throws UserError when it is none of these.
 */
export function readRanks(text: string): RanksChoice {
  if (text === "stated") return { kind: "stated" };
  const auto = /^auto:(.*)$/s.exec(text);
  const { kind } = settings.ranks;
  const tiers = kind.check(kind.fromText(auto === null ? text : auto[1]));
  if (tiers === undefined) {
    throw new UserError(
      `Cannot use --ranks: expected a list such as 2,4,8, "stated", or "auto:2,4,8", got "${text}"`,
    );
  }
  if (auto === null) return { kind: "fixed", tiers };
  return { kind: "auto", tiers: [...new Set(tiers)].sort((x, y) => x - y) };
}

/** The ranks that settings are completed with: the server's rank, where none is given, is the largest. */
export function ranksSetting(choice: RanksChoice, rank: number | undefined): RunConfig["ranks"] {
  switch (choice.kind) {
    case "fixed":
      return choice.tiers;
    case "stated":
      return [rank ?? Math.max(...defaultConfig.ranks)];
    case "auto":
      // Tiers are not dealt: there may be more of them than clients.
      return [Math.max(...choice.tiers)];
    default:
      return choice satisfies never;
  }
}

/** The policy of a run with this many seats. */
export function ranksPolicy(choice: RanksChoice, seats: number, rank: number): RanksPolicy {
  return choice.kind === "fixed"
    ? { kind: "fixed", ranks: dealRanks(choice.tiers, seats, rank) }
    : choice;
}
