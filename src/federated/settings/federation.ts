/** The clients, what each holds, and the rounds. @module */

import { type PartitionKind, partitionKinds } from "../../data/partition.ts";
import { choice, list, number, toggle } from "../setting_kinds.ts";
import { type Conditions, count, positive, type SettingRows, share } from "./rows.ts";

/** Settings of the clients and the rounds. */
export interface FederationConfig {
  /** Number of clients K. */
  readonly clients: number;
  /** Ranks r_k of the tiers, dealt over the clients in near-equal shares. */
  readonly ranks: readonly number[];
  /** The server's rank r, at least the largest of `ranks`. */
  readonly rank: number;
  /** How training rows are dealt to clients. */
  readonly partition: PartitionKind;
  /** Concentration of the Dirichlet partition; smaller is more unequal. */
  readonly dirichletAlpha: number;
  /** Labels a client holds under the `shards` partition. */
  readonly shardsPerClient: number;
  /**
   * Whether one client holds all rows and takes everyone's steps; `clients`, `ranks` and `localSteps` as given are then those of the federation it
   * stands beside.
   */
  readonly pooled: boolean;
  /** Rounds of training and aggregation. */
  readonly rounds: number;
  /** Share of the clients that a round samples, above 0 and at most 1; in a simulation only. */
  readonly participation: number;
  /** Probability that a sampled client takes its download and vanishes; in a simulation only. */
  readonly dropouts: number;
  /** Probability that the update of a client that does not vanish arrives a round late; in a simulation only. */
  readonly stragglers: number;
}

/** Their defaults. */
export const federationDefaults: Omit<FederationConfig, "rank"> = {
  clients: 10, // the method's published experiments
  ranks: [2, 4, 8], // three tiers of clients: weak, middle, strong
  partition: "dirichlet", // clients with different topics are the case a federation exists for
  dirichletAlpha: 0.5, // the literature's usual "moderately unequal"
  shardsPerClient: 2, // FedAvg's pathological split (McMahan et al. 2017)
  pooled: false, // the centralised baseline is a choice
  rounds: 20,
  participation: 1, // ten clients: few enough for all of them to train in every round
  dropouts: 0, // a simulated client fails only where that is what is studied
  stragglers: 0,
};

/** The one client of the centralised baseline has all rows, and answers. */
const federated: Conditions = { pooled: [false] };

/** Their rows in the table of settings. */
export const federationRows: SettingRows<FederationConfig> = {
  clients: { kind: count, help: "number of clients" },
  ranks: {
    kind: list(count),
    help: "ranks of the tiers, dealt over the clients in near-equal shares",
  },
  rank: {
    kind: count,
    help: "the server's rank (default: the largest of --ranks)",
  },
  partition: {
    kind: choice(partitionKinds),
    help: `how rows are dealt to clients: ${partitionKinds.join(", ")} (default: dirichlet; ` +
      "under --task lm and chat iid)",
    only: federated,
  },
  dirichletAlpha: {
    kind: positive,
    help: "evenness of the Dirichlet partition; smaller is more unequal",
    only: { ...federated, partition: ["dirichlet"] },
  },
  shardsPerClient: {
    kind: count,
    help: "label shards a client holds",
    only: { ...federated, partition: ["shards"] },
  },
  pooled: {
    kind: toggle,
    help: "one client with all rows takes every client's steps: the centralised baseline",
  },
  rounds: { kind: count, help: "rounds of training and aggregation" },
  participation: {
    kind: number({ above: 0, most: 1 }),
    help: "share of the clients that a round samples",
  },
  dropouts: {
    kind: share,
    help: "probability that a sampled client vanishes with its download",
    only: federated,
  },
  stragglers: {
    kind: share,
    help: "probability that an update arrives a round late",
    only: federated,
  },
};
