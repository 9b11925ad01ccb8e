import { type Aggregator, aggregatorByModule } from "./aggregator.ts";
import { startRankOneSum } from "./rank_one_sum.ts";
import { type LinearAlgebra, singularTerms } from "./singular_terms.ts";

/**
 * FlexLoRA's aggregation (Bai et al., NeurIPS 2024, arXiv 2402.11505): the mean of the clients' products, and of that the best approximation of
 * rank r.
 *
 *     Σ_k p_k s·B_k A_k = U σ Vᵀ,   B ← U_r (σ_r / s)^½,   A ← (σ_r / s)^½ V_rᵀ,   p_k = n_k / Σ n
 *
 * Components come out in descending order of σ, so the first r_k are the best approximation of rank r_k, which the selection `first` deals; index i
 * is another component after each round. How σ is shared between B and A is our choice, as the product leaves it open.
 *
 * Where the mean is of lower rank than r, the components beyond have b_i = 0 and the server's a_i, as a fresh adapter does: with both zero they
 * could never be trained again. A module that nobody trained stays as it was.
 *
 * @param algebra the package ml-matrix.
 */
export function flexlora(algebra: LinearAlgebra): Aggregator {
  return aggregatorByModule((module, rank) => {
    const { name, inFeatures, outFeatures } = module;
    const sum = startRankOneSum(outFeatures, inFeatures);
    return {
      add({ samples, indices, a, b }) {
        if (a === undefined) {
          throw new RangeError("Cannot aggregate by flexlora: expected A and B, got B alone");
        }
        const count = indices.length;
        indices.forEach((_, n) =>
          sum.add(
            Float64Array.from({ length: outFeatures }, (_, j) => samples * b[j * count + n]),
            Float64Array.from(a.subarray(n * inFeatures, (n + 1) * inFeatures)),
          )
        );
      },
      finish(all) {
        const next = { a: module.a.slice(), b: module.b.slice() };
        if (sum.left.length > 0) next.b.fill(0);
        // s scales both sides alike and is left out.
        singularTerms(algebra, sum, rank).forEach(({ value, left, right }, i) => {
          const root = Math.sqrt(value / all);
          right.forEach((entry, j) => next.a[i * inFeatures + j] = root * entry);
          left.forEach((entry, j) => next.b[j * rank + i] = root * entry);
        });
        return { name, inFeatures, outFeatures, ...next };
      },
    };
  });
}
