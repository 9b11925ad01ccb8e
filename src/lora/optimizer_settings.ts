/** The numbers an optimizer step reads: learning rates, decay, masks, bias corrections, as data that changes every step. @module */

import { SLOT_SETTINGS, STEP_SETTINGS } from "../engine/ops/optimizer.ts";
import { componentSlot, headSlot, type PackedLayout } from "./layout.ts";

/** Settings of the local optimizer. */
export interface OptimizerSettings {
  /** Learning rate of the components. */
  readonly learningRate: number;
  /** Learning rate of the head. */
  readonly headLearningRate: number;
  /** Decoupled weight decay, of whatever is trained. */
  readonly weightDecay: number;
  /** AdamW's first-moment decay, in [0, 1). */
  readonly beta1: number;
  /** AdamW's second-moment decay, in [0, 1). */
  readonly beta2: number;
  /** AdamW's ε, added to the root of the corrected second moment. */
  readonly epsilon: number;
  /** Largest global norm of the trained gradient; 0 does not clip. */
  readonly clipNorm: number;
  /** Decay β1 of the smoothed sensitivity Ī. */
  readonly sensitivityBeta1: number;
  /** Decay β2 of its smoothed deviation Ū. */
  readonly sensitivityBeta2: number;
}

/** The settings buffer (kernels/lib/settings.wgsl) of a client that trains the components of `train`, per module [r] of 0 or 1, and the head. */
export function settingsBuffer(
  layout: PackedLayout,
  settings: OptimizerSettings,
  train: readonly Uint8Array[],
): Float32Array {
  const buffer = new Float32Array(STEP_SETTINGS + SLOT_SETTINGS * layout.slots);
  const setSlot = (slot: number, rate: number, trained: number) =>
    buffer.set([rate, settings.weightDecay, trained], STEP_SETTINGS + SLOT_SETTINGS * slot);
  train.forEach((mask, m) =>
    mask.forEach((trained, i) =>
      setSlot(componentSlot(layout, m, i), settings.learningRate, trained)
    )
  );
  layout.head.forEach((_, tensor) =>
    setSlot(headSlot(layout, tensor), settings.headLearningRate, 1)
  );
  return buffer;
}

/**
 * Writes what changes with the step: t counts from 1 since the moments were zero; `factor` is the schedule's. The bias corrections take β as the
 * device holds it: float32 rounds 1 − 0.999 by 1e-5, which would scale every second moment.
 */
export function setStep(
  buffer: Float32Array,
  settings: OptimizerSettings,
  t: number,
  factor: number,
): void {
  const { beta1, beta2, epsilon, clipNorm, sensitivityBeta1, sensitivityBeta2 } = settings;
  buffer.set([
    factor,
    beta1,
    beta2,
    epsilon,
    1 - Math.fround(beta1) ** t,
    1 - Math.fround(beta2) ** t,
    clipNorm,
    sensitivityBeta1,
    sensitivityBeta2,
  ]);
}
