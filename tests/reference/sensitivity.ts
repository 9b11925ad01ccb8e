import { type Numbers, requireLength } from "./numbers.ts";

/** Exponential means of the sensitivity of each scalar. */
export interface SensitivityState {
  /** Ī, mean of I = |w·g| */
  readonly mean: Numbers;
  /** Ū, mean of |I − Ī| */
  readonly uncertainty: Numbers;
}

/** The state after a step. */
export interface SensitivityResult {
  readonly mean: Float64Array;
  readonly uncertainty: Float64Array;
}

/**
 * One step of AdaLoRA's smoothed sensitivity (Zhang et al. 2023; our reading for HAFL): I = |w·g|,
 * Ī ← β1·Ī + (1 − β1)·I,
 * Ū ← β2·Ū + (1 − β2)·|I − Ī| with the updated Ī.
 *
 * `weight` and `gradient` belong to one moment: before the optimizer moves the weight, and before
 * clipping. Components that are
 * frozen are smoothed too, otherwise their scores would go stale; so there is no train mask here.
 */
export function sensitivity(
  state: SensitivityState,
  weight: Numbers,
  gradient: Numbers,
  beta1 = 0.85,
  beta2 = 0.85,
): SensitivityResult {
  const mean = Float64Array.from(state.mean);
  const uncertainty = Float64Array.from(state.uncertainty);
  requireLength("uncertainty", uncertainty, mean.length);
  requireLength("weight", weight, mean.length);
  requireLength("gradient", gradient, mean.length);
  for (let i = 0; i < mean.length; i++) {
    const now = Math.abs(weight[i] * gradient[i]);
    mean[i] = beta1 * mean[i] + (1 - beta1) * now;
    uncertainty[i] = beta2 * uncertainty[i] + (1 - beta2) * Math.abs(now - mean[i]);
  }
  return { mean, uncertainty };
}

/** Rank, inputs and outputs of one adapted module. */
export interface ComponentShape {
  readonly r: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/**
 * Score of each rank-1 component, S_i = mean_j s(B[j, i]) + mean_j s(A[i, j]) with s = Ī·Ū → [r].
 *
 * @param a State of A [r, in].
 * @param b State of B [out, r].
 */
export function componentScores(
  a: SensitivityState,
  b: SensitivityState,
  { r, inFeatures, outFeatures }: ComponentShape,
): Float64Array {
  requireLength("a", a.mean, r * inFeatures);
  requireLength("b", b.mean, outFeatures * r);
  const scores = new Float64Array(r);
  for (let i = 0; i < r; i++) {
    for (let j = 0; j < outFeatures; j++) {
      scores[i] += b.mean[j * r + i] * b.uncertainty[j * r + i] / outFeatures;
    }
    for (let j = 0; j < inFeatures; j++) {
      scores[i] += a.mean[i * inFeatures + j] * a.uncertainty[i * inFeatures + j] / inFeatures;
    }
  }
  return scores;
}
