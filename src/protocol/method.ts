/**
 * Methods by name: what a client receives and trains, and how the server combines.
 *
 * @module
 */

import type { AggregatorName } from "./aggregate/mod.ts";
import { RankError } from "./ranks.ts";
import { type ScopedSelection, selectGlobal, selectPerModule } from "./selection.ts";

/** The distributions there are, in the order users see them. */
export const distributions = ["freeze", "truncate", "full", "head"] as const;

/**
 * What a client holds and trains of the bank: `freeze` holds all r components and trains its r_k, `truncate` holds only the r_k it trains,
 * `full` trains all r. Under `head` it holds and trains no component: only the head goes down and up.
 */
export type Distribution = typeof distributions[number];

/** Whether components are picked for each client: under `full` and `head` there is nothing to pick. */
export function picksComponents(distribution: Distribution): boolean {
  return distribution === "freeze" || distribution === "truncate";
}

/** The choices of trained factors there are, in the order users see them. */
export const factorChoices = ["both", "b"] as const;

/**
 * Which factors of its components a client trains and uploads: A and B, or B alone, while A stays as it was drawn (FFA-LoRA; Sun et al., ICLR
 * 2024, arXiv 2403.12313). A is downloaded either way: a client is stateless and has it from nowhere else.
 */
export type Factors = typeof factorChoices[number];

/** The parties that can rank, in the order users see them. */
export const rankingParties = ["server", "client"] as const;

/** Who ranks the components for a client: the server by its merged scores, or the client by its own. */
export type RankBy = typeof rankingParties[number];

/** The scopes there are, in the order users see them. */
export const scopes = ["module", "global"] as const;

/** Over what a budget is spent: r_k components of each module, or r_k × modules of all modules pooled. */
export type Scope = typeof scopes[number];

/** The scores there are, in the order users see them. */
export const scoreKinds = ["smoothed-uncertainty", "smoothed", "magnitude", "random"] as const;

/**
 * How a component is scored: by AdaLoRA's sensitivity with its uncertainty (Ī·Ū) or without (Ī), by ‖b_i‖·‖a_i‖, or at random; see
 * {@linkcode componentScores}, {@linkcode magnitudeScores} and {@linkcode randomScores}.
 */
export type ScoreKind = typeof scoreKinds[number];

/** A federated LoRA method. */
export interface Method {
  /** What a client receives and trains. */
  readonly distribution: Distribution;
  /** How the server combines. */
  readonly aggregator: AggregatorName;
}

/** Methods with a name of their own: the four schemes of HAFL as its extension HAFLQ (arXiv 2411.06581 v2) calls them. */
export const namedMethods: Readonly<Record<string, Method>> = {
  IFALoRA: { distribution: "freeze", aggregator: "adaptive" },
  IFZLoRA: { distribution: "freeze", aggregator: "zero-pad" },
  ITALoRA: { distribution: "truncate", aggregator: "adaptive" },
  ITZLoRA: { distribution: "truncate", aggregator: "zero-pad" },
};

/** The function that spends a budget over each scope. */
export const scopedSelections: Readonly<Record<Scope, ScopedSelection>> = {
  module: selectPerModule,
  global: selectGlobal,
};

/**
 * Checks that a method can serve these clients: `full` and `fedit` need every client at the server's rank, and `fedit` all components of each.
 *
 * @throws {RankError} when one has less.
 */
export function checkMethod(method: Method, ranks: readonly number[], serverRank: number): void {
  const { distribution, aggregator } = method;
  const name = distribution === "full" ? "distribution full" : "aggregator fedit";
  if (distribution !== "full" && aggregator !== "fedit") return;
  if (distribution === "head") {
    throw new RankError(
      "Cannot use aggregator fedit with distribution head: expected all components of every client, got none",
    );
  }
  const short = ranks.find((rank) => rank !== serverRank);
  if (short !== undefined) {
    throw new RankError(
      `Cannot use ${name}: expected every client at the server's rank ${serverRank}, got ${short}`,
    );
  }
}
