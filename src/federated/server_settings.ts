/** The server's side of a run's method, from its settings. @module */

import { loadAggregator } from "../protocol/aggregate/load_aggregator.ts";
import type { SelectionSettings } from "../protocol/deal.ts";
import { serverOptimizerOf, withServerOptimizer } from "../protocol/server_optimizer.ts";
import type { ServerSettings } from "./federation.ts";
import type { RunConfig } from "./run_config.ts";

/**
 * What the server of a run needs of its settings, its aggregation rule loaded. Clients do without: some rules need a package.
 *
 * @throws UserError when the rule's package cannot be had.
 */
export async function serverSettings(
  config: RunConfig,
  selection: SelectionSettings,
): Promise<ServerSettings> {
  return {
    distribution: config.method,
    factors: config.factors,
    aggregator: withServerOptimizer(
      await loadAggregator(config.aggregation),
      serverOptimizerOf(config),
    ),
    selection,
    scopeName: config.scope,
    warmupRounds: config.warmupRounds,
  };
}
