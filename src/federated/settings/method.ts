/** The method: what clients hold and train, and what the server makes of it. @module */

import { type AggregatorName, aggregatorNames } from "../../protocol/aggregate/mod.ts";
import {
  type Distribution,
  distributions,
  factorChoices,
  type Factors,
  type RankBy,
  rankingParties,
  type Scope,
  scopes,
  type ScoreKind,
  scoreKinds,
} from "../../protocol/method.ts";
import { namedMethods } from "../../protocol/methods/mod.ts";
import { type RankRate, rankRates } from "../../protocol/rank_rate.ts";
import { type SelectorName, selectorNames } from "../../protocol/selection.ts";
import { type ServerOptimizerKind, serverOptimizerKinds } from "../../protocol/server_optimizer.ts";
import { choice, whole } from "../setting_kinds.ts";
import { type Conditions, positive, type SettingRows, share } from "./rows.ts";

/** What can happen to a client's optimizer state between rounds, in the order users see it. */
export const optimizerStateRules = ["reset", "keep"] as const;

/** Whether a client's moments and sensitivities start each round at zero (`reset`), or where its last round ended (`keep`). */
export type OptimizerStateRule = typeof optimizerStateRules[number];

/** Settings of the method. */
export interface MethodConfig {
  /** What a client whose rank is below the server's holds and trains. */
  readonly method: Distribution;
  /** Which factors of its components a client trains and sends: A and B, or B alone (FFA-LoRA). */
  readonly factors: Factors;
  /** How the server combines a round's updates. */
  readonly aggregation: AggregatorName;
  /** Importance of a component. */
  readonly score: ScoreKind;
  /** β1: share of the old value when the sensitivity Ī is smoothed. */
  readonly beta1: number;
  /** β2: share of the old value when the sensitivity's uncertainty Ū is smoothed. */
  readonly beta2: number;
  /** How components are picked by score. */
  readonly selection: SelectorName;
  /** Flatness of the `sampled` selection: it draws in proportion to score^(1/temperature). */
  readonly temperature: number;
  /** Who ranks the components. */
  readonly rankBy: RankBy;
  /** Where components compete: in their module, or all together. */
  readonly scope: Scope;
  /** First rounds, in which components are dealt round-robin instead of by score. */
  readonly warmupRounds: number;
  /** The adapters' learning rate of a client by its rank. */
  readonly lrByRank: RankRate;
  /** A client's optimizer state between rounds. */
  readonly optimizerState: OptimizerStateRule;
  /** What the server makes of a round's combined change: takes it as it is, or as a gradient of its own. */
  readonly serverOptimizer: ServerOptimizerKind;
  /** η: the server's learning rate. */
  readonly serverLr: number;
  /** β1: share of the old first moment. */
  readonly serverBeta1: number;
  /** β2: share of the old second moment, under `adam`. */
  readonly serverBeta2: number;
  /** τ, added to the root of the second moment under `adam`; its square is where that starts. */
  readonly serverEpsilon: number;
}

/**
 * η unless it is set. Momentum takes steps of the clients' own change, of which 1 is the whole (Hsu et al. 2019). Adam divides a change by its size, so
 * that a weight moves by about η a round, whatever the clients did: 1 would be many times the largest weight of A, 0.01 is as far as a local step goes.
 */
export const usualServerLr: Readonly<Record<ServerOptimizerKind, number>> = {
  none: 1,
  momentum: 1,
  adam: 0.01,
};

/** Their defaults. */
export const methodDefaults: Omit<MethodConfig, "serverLr"> = {
  method: "freeze", // with adaptive: HAFL, what this program is about
  factors: "both", // LoRA's own; with "b" all clients share the A that was drawn, and half as much goes up
  aggregation: "adaptive",
  score: "smoothed-uncertainty", // AdaLoRA's default
  beta1: 0.85, // AdaLoRA's default
  beta2: 0.85, // AdaLoRA's default
  selection: "greedy", // the method's own rule: the highest scores
  temperature: 1, // sampling in proportion to the scores
  rankBy: "server", // one ranking for all: r floats a module more to upload, none to negotiate
  scope: "module", // every module keeps its own best components
  // With budgets of 2, 4 and 8 dealt round-robin one round covers all 8 components many times; the
  // second gives every component a score that more than one set of clients has reported.
  warmupRounds: 2,
  lrByRank: "equal", // the paper names no other
  optimizerState: "reset", // clients are stateless between rounds: any of them may be gone next time
  serverOptimizer: "none", // the method's own: what the rule combined is the next adapter
  serverBeta1: 0.9, // FedOpt's (Reddi et al. 2021), these three
  serverBeta2: 0.99,
  serverEpsilon: 1e-3,
};

/** Where components are trained. */
export const adapting: Conditions = { method: ["freeze", "truncate", "full"] };

/** Where components are chosen: under `full` every client has all. */
const choosing: Conditions = { method: ["freeze", "truncate"] };

const optimizing: Conditions = { serverOptimizer: ["momentum", "adam"] };
const adaptive: Conditions = { serverOptimizer: ["adam"] };

/** Their rows in the table of settings. */
export const methodRows: SettingRows<MethodConfig> = {
  method: {
    kind: choice(distributions, namedMethods.map(({ name }) => name)),
    help: `what a client holds and trains: ${distributions.join(", ")}; or a method by its name, ` +
      "see below",
  },
  factors: {
    kind: choice(factorChoices),
    help: "matrices of a component that are trained and sent: both, or b (A stays as drawn)",
    only: adapting,
  },
  aggregation: {
    kind: choice(aggregatorNames),
    help: `how updates are combined: ${aggregatorNames.join(", ")}`,
  },
  score: {
    kind: choice(scoreKinds),
    help: `importance of a component: ${scoreKinds.join(", ")}`,
    only: adapting,
  },
  beta1: {
    kind: share,
    help: "smoothing of the sensitivity",
    only: { ...adapting, score: ["smoothed-uncertainty", "smoothed"] },
  },
  beta2: {
    kind: share,
    help: "smoothing of the sensitivity's uncertainty",
    only: { ...adapting, score: ["smoothed-uncertainty"] },
  },
  selection: {
    kind: choice(selectorNames),
    help: `how components are picked by score: ${selectorNames.join(", ")}`,
    only: choosing,
  },
  temperature: {
    kind: positive,
    help: "flatness of the draw; 1 is in proportion to the scores",
    only: { ...choosing, selection: ["sampled"] },
  },
  rankBy: {
    kind: choice(rankingParties),
    help: "who ranks the components: server or client",
    only: adapting,
  },
  scope: {
    kind: choice(scopes),
    help: "where components compete: in their module, or all together (global)",
    only: choosing,
  },
  warmupRounds: {
    kind: whole({ least: 0 }),
    help: "first rounds, in which components are dealt round-robin",
    only: choosing,
  },
  lrByRank: {
    kind: choice(rankRates),
    help: "learning rate of the adapters by a client's rank r_k: equal, or root (times √(r / r_k))",
    only: choosing,
  },
  optimizerState: {
    kind: choice(optimizerStateRules),
    help: "a client's optimizer state between rounds: reset or keep",
  },
  serverOptimizer: {
    kind: choice(serverOptimizerKinds),
    help: `what the server does with a round's combined change: ${serverOptimizerKinds.join(", ")}`,
  },
  serverLr: {
    kind: positive,
    help: "the server's learning rate (default: " +
      `${usualServerLr.momentum}; under adam ${usualServerLr.adam})`,
    only: optimizing,
  },
  serverBeta1: { kind: share, help: "the server's first-moment decay", only: optimizing },
  serverBeta2: { kind: share, help: "the server's second-moment decay", only: adaptive },
  serverEpsilon: { kind: positive, help: "the server's epsilon", only: adaptive },
};
