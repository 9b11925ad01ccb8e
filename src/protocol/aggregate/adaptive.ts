import { type Aggregator, aggregatorOf } from "./aggregator.ts";

/**
 * HAFL's adaptive aggregation: each component is averaged over the clients that trained it, K_i, and stays as it was without any.
 *
 *     a_i ← Σ_{k∈K_i} n_k a_i^k / Σ_{k∈K_i} n_k,   b_i alike
 *
 * arXiv 2411.06581 v1; the formula is our reading of its abstract and introduction. It converges fast and can degrade late.
 */
export const adaptive: Aggregator = aggregatorOf((server, sum, owners) =>
  owners === 0 ? server : sum / owners
);
