/**
 * Sensitivity of a weight: how much the loss would change without it, smoothed over steps, with its uncertainty.
 *
 * From AdaLoRA (Zhang et al., arXiv 2303.10512, equations 8 to 11); that HAFL (arXiv 2411.06581 v1) uses the same is our reading, since only
 * its abstract and introduction were readable. This is the double-precision reference of what the engine does on the device.
 *
 * PEFT's AdaLoRA calls it after `optimizer.step()`, which multiplies the new weight by the old gradient; here both are of the same moment,
 * before the optimizer moves the weight. g is the raw gradient, before clipping.
 *
 * @module
 */

/** The two running averages, one number per weight. */
export interface Sensitivity {
  /** Ī: smoothed |w·g|. */
  readonly smoothed: Float64Array;
  /** Ū: smoothed |I − Ī|. */
  readonly uncertainty: Float64Array;
}

/** Decay rates of Ī and Ū. */
export interface SensitivityDecay {
  /** β1, of Ī. */
  readonly beta1: number;
  /** β2, of Ū. */
  readonly beta2: number;
}

/** β1 = β2 = 0.85, as in AdaLoRA's code. */
export const defaultSensitivityDecay: SensitivityDecay = { beta1: 0.85, beta2: 0.85 };

/** The state before the first step of a round: zeros, without bias correction. */
export function zeroSensitivity(count: number): Sensitivity {
  return { smoothed: new Float64Array(count), uncertainty: new Float64Array(count) };
}

/**
 * One step, for every weight w with gradient g:
 *
 *     I  = |w·g|
 *     Ī ← β1·Ī + (1−β1)·I
 *     Ū ← β2·Ū + (1−β2)·|I − Ī|      with the Ī just computed
 *
 * @throws {RangeError} when the arrays differ in length.
 *
 * @example
 * ```ts
 * import { updateSensitivity, zeroSensitivity } from "./sensitivity.ts";
 * const half = { beta1: 0.5, beta2: 0.5 };
 * const { smoothed, uncertainty } = updateSensitivity(zeroSensitivity(1), [2], [-3], half);
 * if (smoothed[0] !== 3 || uncertainty[0] !== 1.5) throw new Error("I = 6, Ī = 3, Ū = |6 − 3| / 2");
 * ```
 */
export function updateSensitivity(
  previous: Sensitivity,
  weights: ArrayLike<number>,
  gradients: ArrayLike<number>,
  { beta1, beta2 }: SensitivityDecay = defaultSensitivityDecay,
): Sensitivity {
  const count = previous.smoothed.length;
  if (weights.length !== count || gradients.length !== count) {
    throw new RangeError(
      `Cannot update the sensitivity: expected ${count} weights and gradients, ` +
        `got ${weights.length} and ${gradients.length}`,
    );
  }
  const next = zeroSensitivity(count);
  for (let i = 0; i < count; i++) {
    const importance = Math.abs(weights[i] * gradients[i]);
    const smoothed = beta1 * previous.smoothed[i] + (1 - beta1) * importance;
    next.smoothed[i] = smoothed;
    next.uncertainty[i] = beta2 * previous.uncertainty[i] +
      (1 - beta2) * Math.abs(importance - smoothed);
  }
  return next;
}
