/** What a report's cards say where it depends on the method: whose models it shows. @module */

import type { RunConfig } from "../../federated/run_config.ts";
import type { AggregatorName } from "../../protocol/aggregate/mod.ts";

/** Words of a report. */
export interface MethodWords {
  /** What is evaluated after each round. */
  readonly validated: string;
  /** What is evaluated before each round, by rank. */
  readonly distributed: string;
  /** The name of the curve of what is evaluated for all clients. */
  readonly whole: string;
  /** What the components are whose importance is shown, as a sentence with a space before it; empty where there is nothing to say. */
  readonly components: string;
}

const shared: MethodWords = {
  validated:
    "The aggregated model after each round; of the worst client, weighted by its own labels.",
  distributed: "What each rank holds before it trains, beside the server's model.",
  whole: "server",
  components: "",
};

const special: Partial<Record<AggregatorName, Partial<MethodWords>>> = {
  flora: { components: " They are fresh ones in every round, each client's own." },
  local: {
    validated:
      "The mean over the clients, each with its own model; of the worst client, its own model weighted by its own labels.",
    distributed: "The clients' own models before they train, beside the mean over all clients.",
    whole: "mean",
    components: " The scores are means over the clients' own.",
  },
};

/** The words for a run's method. */
export function methodWords({ aggregation }: Pick<RunConfig, "aggregation">): MethodWords {
  return { ...shared, ...special[aggregation] };
}
