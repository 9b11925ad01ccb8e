/** An optimizer step in plain TypeScript. @module */

import { SLOT_SETTINGS, STEP_SETTINGS } from "../ops/step_settings.ts";
import type { VectorFunctions } from "./vector.ts";

/** METHOD: I = |w·g|, Ī ← β1·Ī + (1−β1)·I, Ū ← β2·Ū + (1−β2)·|I − Ī|, w before the step, g before clipping. PEFT calls it after the step; we do not. */
export function smoothSensitivity(
  sensitivity: Float32Array,
  i: number,
  w: number,
  g: number,
  settings: Float32Array,
): void {
  const value = Math.abs(w * g);
  const mean = settings[7] * sensitivity[2 * i] + (1 - settings[7]) * value;
  sensitivity[2 * i] = mean;
  sensitivity[2 * i + 1] = settings[8] * sensitivity[2 * i + 1] +
    (1 - settings[8]) * Math.abs(value - mean);
}

/** The optimizer's part of the vector functions, in float64. */
export const plainOptimizer: Pick<VectorFunctions, "squareSum" | "adamw"> = {
  squareSum({ gradient, slots, settings }, sums, position, begin, end) {
    let sum = 0;
    for (let i = begin; i < end; i++) {
      if (settings[STEP_SETTINGS + SLOT_SETTINGS * slots[i] + 2] !== 0) sum += gradient[i] ** 2;
    }
    sums[position] = sum;
  },
  adamw(call, begin, end) {
    const { gradient, dataGradient, slots, settings, clip } = call;
    const { parameters, moments, sensitivity } = call;
    const [rateFactor, beta1, beta2, epsilon] = settings;
    for (let i = begin; i < end; i++) {
      const w = parameters[i];
      smoothSensitivity(sensitivity, i, w, dataGradient[i], settings);
      const slot = STEP_SETTINGS + SLOT_SETTINGS * slots[i];
      if (settings[slot + 2] === 0) continue;
      const g = gradient[i] * clip[0];
      const rate = settings[slot] * rateFactor;
      const first = beta1 * moments[2 * i] + (1 - beta1) * g;
      const second = beta2 * moments[2 * i + 1] + (1 - beta2) * g * g;
      moments[2 * i] = first;
      moments[2 * i + 1] = second;
      parameters[i] = w - rate * settings[slot + 1] * w -
        rate * (first / settings[slot + 3]) / (Math.sqrt(second / settings[slot + 4]) + epsilon);
    }
  },
};
