import { lazyPackage } from "../lazy_package.ts";
import {
  type AggregationRule,
  aggregationRules,
  type Aggregator,
  type AggregatorName,
} from "./mod.ts";
import type { LinearAlgebra } from "./singular_terms.ts";

/**
 * The rule of a name, with the package it needs, if it needs one.
 *
 * It stands apart from the rules' registry, which a browser's client has too: that has nothing to aggregate, and no `npm:` to fetch from.
 *
 * @throws {UserError} when the package is not there and cannot be fetched.
 *
 * @example
 * ```ts
 * import { loadAggregator } from "./load_aggregator.ts";
 * import { adaptive } from "./mod.ts";
 * if (await loadAggregator("adaptive") !== adaptive) throw new Error("unreachable");
 * ```
 */
export async function loadAggregator(name: AggregatorName): Promise<Aggregator> {
  const rule: AggregationRule = aggregationRules[name];
  if ("aggregator" in rule) return rule.aggregator;
  return rule.aggregatorWith(await lazyPackage<LinearAlgebra>("npm:ml-matrix@6.15.1"));
}
