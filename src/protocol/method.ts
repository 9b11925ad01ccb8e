/**
 * Methods by name: what a client receives and trains, and how the server combines.
 *
 * @module
 */

import { type AggregatorName, aggregators } from "./aggregate/mod.ts";
import { UserError } from "./errors.ts";
import { RankError } from "./ranks.ts";
import {
  greedy,
  random,
  sampled,
  type ScopedSelection,
  selectGlobal,
  type Selector,
  selectPerModule,
} from "./selection.ts";

/**
 * What a client holds and trains of the bank: `freeze` holds all and trains its share, `truncate` holds only what it trains, `full`
 * trains everything.
 */
export type Distribution = "freeze" | "truncate" | "full";

/** Who ranks the components for a client: the server by its merged scores, or the client by its own. */
export type RankBy = "server" | "client";

/** Over what a budget is spent: each module on its own, or all modules pooled under the same total. */
export type Scope = "module" | "global";

/** How a component is scored. */
export type ScoreKind = "smoothed-uncertainty" | "smoothed" | "magnitude" | "random";

/** A federated LoRA method. */
export interface Method {
  /** What a client receives and trains. */
  readonly distribution: Distribution;
  /** How the server combines. */
  readonly aggregator: AggregatorName;
}

/** The allowed names of each setting, in the order they are listed to users. */
export const allowed: {
  readonly distribution: readonly Distribution[];
  readonly aggregator: readonly AggregatorName[];
  readonly rankBy: readonly RankBy[];
  readonly scope: readonly Scope[];
  readonly score: readonly ScoreKind[];
} = {
  distribution: ["freeze", "truncate", "full"],
  aggregator: Object.keys(aggregators) as AggregatorName[],
  rankBy: ["server", "client"],
  scope: ["module", "global"],
  score: ["smoothed-uncertainty", "smoothed", "magnitude", "random"],
};

/** Methods with a name of their own: the four schemes of HAFL as its extension HAFLQ (arXiv 2411.06581 v2) calls them, and FedIT. */
export const namedMethods: Readonly<Record<string, Method>> = {
  IFALoRA: { distribution: "freeze", aggregator: "adaptive" },
  IFZLoRA: { distribution: "freeze", aggregator: "zero-pad" },
  ITALoRA: { distribution: "truncate", aggregator: "adaptive" },
  ITZLoRA: { distribution: "truncate", aggregator: "zero-pad" },
  FedIT: { distribution: "full", aggregator: "fedit" },
};

/** How a scope spends a budget. */
export const scopedSelections: Readonly<Record<Scope, ScopedSelection>> = {
  module: selectPerModule,
  global: selectGlobal,
};

/**
 * Finds a method by its name, in any case.
 *
 * @throws {UserError} listing the names, when there is none of this name.
 *
 * @example
 * ```ts
 * import { parseNamedMethod } from "./method.ts";
 * const { distribution, aggregator } = parseNamedMethod("ifalora");
 * if (distribution !== "freeze" || aggregator !== "adaptive") throw new Error("unreachable");
 * ```
 */
export function parseNamedMethod(text: string): Method {
  const names = Object.keys(namedMethods);
  const name = names.find((name) => name.toLowerCase() === text.toLowerCase());
  return namedMethods[name ?? parseOneOf("method", names, text)];
}

/**
 * Reads the setting from its name.
 *
 * @throws {UserError} listing the allowed names, when `text` is none of them.
 */
export function parseDistribution(text: string): Distribution {
  return parseOneOf("distribution", allowed.distribution, text);
}

/**
 * Reads the setting from its name.
 *
 * @throws {UserError} listing the allowed names, when `text` is none of them.
 */
export function parseAggregator(text: string): AggregatorName {
  return parseOneOf("aggregator", allowed.aggregator, text);
}

/**
 * Reads the setting from its name.
 *
 * @throws {UserError} listing the allowed names, when `text` is none of them.
 */
export function parseRankBy(text: string): RankBy {
  return parseOneOf("ranking party", allowed.rankBy, text);
}

/**
 * Reads the setting from its name.
 *
 * @throws {UserError} listing the allowed names, when `text` is none of them.
 */
export function parseScope(text: string): Scope {
  return parseOneOf("scope", allowed.scope, text);
}

/**
 * Reads the setting from its name.
 *
 * @throws {UserError} listing the allowed names, when `text` is none of them.
 */
export function parseScoreKind(text: string): ScoreKind {
  return parseOneOf("score", allowed.score, text);
}

/**
 * A selector from `greedy`, `random` or `sampled:TEMPERATURE`.
 *
 * @throws {UserError} when `text` is none of them, or the temperature is not a number of at least 0.
 */
export function parseSelector(text: string): Selector {
  if (text === "greedy") return greedy;
  if (text === "random") return random;
  const temperature = /^sampled:(\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i.exec(text);
  if (temperature) return sampled(Number(temperature[1]));
  throw new UserError(
    `Cannot use selection "${text}": expected greedy, random or sampled:TEMPERATURE (such as sampled:0.5)`,
  );
}

/**
 * Checks that a method can serve these clients: `full` and `fedit` need every client at the server's rank.
 *
 * @throws {RankError} when one has less.
 */
export function checkMethod(method: Method, ranks: readonly number[], serverRank: number): void {
  const { distribution, aggregator } = method;
  const name = distribution === "full" ? "distribution full" : "aggregator fedit";
  if (distribution !== "full" && aggregator !== "fedit") return;
  const short = ranks.find((rank) => rank !== serverRank);
  if (short !== undefined) {
    throw new RankError(
      `Cannot use ${name}: expected every client at the server's rank ${serverRank}, got ${short}`,
    );
  }
}

function parseOneOf<Name extends string>(what: string, names: readonly Name[], text: string): Name {
  const name = names.find((name) => name === text);
  if (name === undefined) {
    throw new UserError(`Cannot use ${what} "${text}": expected one of ${names.join(", ")}`);
  }
  return name;
}
