import { type Aggregator, aggregatorOf } from "./aggregator.ts";

/**
 * Zero-padding of changes: a component that a client did not train contributes no change, instead of zeros.
 *
 *     a_i ← a_i + Σ_{k∈K_i} p_k (a_i^k − a_i),   b_i alike,   p_k = n_k / Σ n
 */
export const zeroDelta: Aggregator = aggregatorOf((server, sum, owners, all) =>
  owners === 0 ? server : server + (sum - owners * server) / all
);
