import { gatherComponents } from "../components.ts";
import { type Aggregator, aggregatorByModule } from "./aggregator.ts";
import { startSums } from "./component_sums.ts";
import { productNorm } from "./product_norm.ts";

/**
 * HetLoRA's aggregation (Cho et al., EMNLP 2024, arXiv 2401.06432): zero-padding in which a client weighs as much as its update is large, whatever
 * its number of samples.
 *
 *     A ← Σ_k w_k pad(A_k),   B alike,   w_k = ‖B_k A_k‖_F / Σ_j ‖B_j A_j‖_F
 *
 * The weights are each module's own (our reading; the paper speaks of the reconstructed model). The paper's clients also prune their ranks as they
 * train; ours keep them. A module in which every product is zero has no weights, and stays as it was.
 */
export const hetlora: Aggregator = aggregatorByModule((module, rank) => {
  const sums = startSums(module, rank);
  let norms = 0;
  return {
    add({ indices, a, b }) {
      const norm = productNorm(a ?? gatherComponents(module, rank, indices).a, b, indices.length);
      sums.add(norm, indices, a, b);
      norms += norm;
    },
    finish: () => sums.apply((server, sum) => norms === 0 ? server : sum / norms),
  };
});
