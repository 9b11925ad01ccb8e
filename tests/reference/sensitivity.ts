import { type Numbers, requireLength } from "./numbers.ts";

/** Exponential means of the sensitivity of each scalar. */
export interface SensitivityState {
  /** Ī, smoothed I = |w·g| */
  readonly smoothed: Numbers;
  /** Ū, smoothed |I − Ī| */
  readonly uncertainty: Numbers;
}

/** The state after a step. */
export interface SensitivityResult {
  readonly smoothed: Float64Array;
  readonly uncertainty: Float64Array;
}

/** The state before the first step of a round. */
export function zeroSensitivity(count: number): SensitivityResult {
  return { smoothed: new Float64Array(count), uncertainty: new Float64Array(count) };
}

/**
 * One step of AdaLoRA's smoothed sensitivity (Zhang et al., arXiv 2303.10512, equations 8 to 11; our reading for HAFL):
 * I = |w·g|,
 * Ī ← β1·Ī + (1 − β1)·I,
 * Ū ← β2·Ū + (1 − β2)·|I − Ī| with the updated Ī.
 *
 * `weight` and `gradient` belong to one moment: before the optimizer moves the weight, and before clipping. (PEFT's AdaLoRA
 * multiplies the moved weight by the old gradient.) Components that are frozen are smoothed too, otherwise their scores would
 * go stale; so there is no train mask here.
 */
export function sensitivity(
  state: SensitivityState,
  weight: Numbers,
  gradient: Numbers,
  beta1 = 0.85,
  beta2 = 0.85,
): SensitivityResult {
  const smoothed = Float64Array.from(state.smoothed);
  const uncertainty = Float64Array.from(state.uncertainty);
  requireLength("uncertainty", uncertainty, smoothed.length);
  requireLength("weight", weight, smoothed.length);
  requireLength("gradient", gradient, smoothed.length);
  for (let i = 0; i < smoothed.length; i++) {
    const now = Math.abs(weight[i] * gradient[i]);
    smoothed[i] = beta1 * smoothed[i] + (1 - beta1) * now;
    uncertainty[i] = beta2 * uncertainty[i] + (1 - beta2) * Math.abs(now - smoothed[i]);
  }
  return { smoothed, uncertainty };
}
