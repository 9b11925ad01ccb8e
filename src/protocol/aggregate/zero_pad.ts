import { type Aggregator, aggregatorOf } from "./aggregator.ts";

/**
 * Zero-padding, the paper's baseline: clients are padded to rank r with literal zeros and averaged.
 *
 *     A ← Σ_k p_k pad(A_k),   B alike,   p_k = n_k / Σ n
 *
 * A component owned by a fraction f of the samples shrinks by f in each factor, f² in the product, every round; one nobody owns
 * becomes zero. {@linkcode zeroDelta} is the fair variant.
 */
export const zeroPad: Aggregator = aggregatorOf((_server, sum, _owners, all) => sum / all);
