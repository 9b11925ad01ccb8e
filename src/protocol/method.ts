/**
 * What a method is made of: what a client receives and trains, and how the server combines.
 *
 * @module
 */

import { type AggregationRule, aggregationRules, type AggregatorName } from "./aggregate/mod.ts";
import { UserError } from "./errors.ts";
import { RankError } from "./ranks.ts";
import {
  type ScopedSelection,
  selectGlobal,
  type SelectorName,
  selectPerModule,
} from "./selection.ts";

/** The distributions there are, in the order users see them. */
export const distributions = ["freeze", "truncate", "full", "head"] as const;

/**
 * What a client holds and trains of the bank: `freeze` holds all r components and trains its r_k, `truncate` holds only the r_k it trains,
 * `full` trains all r. Under `head` it holds and trains no component: only the head goes down and up.
 */
export type Distribution = typeof distributions[number];

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

/** The settings that make a method, by the names they have in a run's. */
export interface Method {
  /** What a client holds and trains. */
  readonly method: Distribution;
  /** Which factors of its components it trains. */
  readonly factors: Factors;
  /** How the server combines. */
  readonly aggregation: AggregatorName;
  /** How components are picked by score. */
  readonly selection: SelectorName;
  /** Who ranks them. */
  readonly rankBy: RankBy;
  /** Where components compete. */
  readonly scope: Scope;
}

/** The function that spends a budget over each scope. */
export const scopedSelections: Readonly<Record<Scope, ScopedSelection>> = {
  module: selectPerModule,
  global: selectGlobal,
};

/** Whether a method needs every client at the server's rank. */
export function needsEqualRanks({ method, aggregation }: Method): boolean {
  return method === "full" || ruleOf(aggregation).equalRanks === true;
}

/** Whether a server can offer a rule: it takes no more than messages of updates and banks. */
export function isServable(aggregation: AggregatorName): boolean {
  return ruleOf(aggregation).simulationOnly !== true;
}

/**
 * Checks that the parts of a method go together, and that it can serve clients of these ranks.
 *
 * @throws {UserError} when two of its settings contradict each other.
 * @throws {RankError} when every client has to be at the server's rank and one is not.
 */
export function checkMethod(method: Method, ranks: readonly number[], serverRank: number): void {
  const { method: distribution, factors, aggregation, selection, rankBy, scope } = method;
  const { equalRanks, bothFactors, sortsAnew } = ruleOf(aggregation);
  if (distribution === "head" && equalRanks) {
    throw new UserError(
      `Cannot use aggregation ${aggregation} with distribution head: expected all components of every client, got none`,
    );
  }
  if (distribution === "head" && factors !== "both") {
    throw new UserError(
      `Cannot use distribution head with factors ${factors}: expected both, as no component is trained`,
    );
  }
  if (rankBy === "client" && sortsAnew) {
    throw new UserError(
      `Cannot use aggregation ${aggregation} with ranking by client: expected by server, as a component is another one after each round`,
    );
  }
  if (factors !== "both" && bothFactors) {
    throw new UserError(
      `Cannot use aggregation ${aggregation} with factors ${factors}: expected both, as it changes both`,
    );
  }
  if (selection === "first" && scope === "global") {
    throw new UserError(
      "Cannot use selection first with scope global: expected scope module, as the first of all modules are whole modules",
    );
  }
  const short = ranks.find((rank) => rank !== serverRank);
  if (short !== undefined && needsEqualRanks(method)) {
    const part = distribution === "full" ? "distribution full" : `aggregation ${aggregation}`;
    throw new RankError(
      `Cannot use ${part}: expected every client at the server's rank ${serverRank}, got ${short}`,
    );
  }
}

function ruleOf(aggregation: AggregatorName): AggregationRule {
  return aggregationRules[aggregation];
}
