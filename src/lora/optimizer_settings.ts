/** The numbers an optimizer step reads: learning rates, decay, masks, bias corrections, as data that changes every step. @module */

import { SLOT_SETTINGS, STEP_SETTINGS } from "../engine/ops/optimizer.ts";
import type { Factors } from "../protocol/method.ts";
import { componentSlots, headSlot, type PackedLayout } from "./layout.ts";

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
  /** Largest global norm of the trained gradient, its proximal part included; 0 does not clip. */
  readonly clipNorm: number;
  /**
   * FedProx's μ (Li et al., MLSys 2020, arXiv 1812.06127): the local loss gains μ/2·‖w − w_received‖² over all that is trained, head included. A
   * μ above 0 needs a model that is `proximal`. The step's loss and the sensitivity are those of the data alone.
   */
  readonly proximal: number;
  /** Decay β1 of the smoothed sensitivity Ī. */
  readonly sensitivityBeta1: number;
  /** Decay β2 of its smoothed deviation Ū. */
  readonly sensitivityBeta2: number;
}

/** What a client trains beside the head; a deal is one. */
export interface TrainedComponents {
  /** Per module [r]: 1 where the component moves. */
  readonly train: readonly Uint8Array[];
  /** Which factors of it move; both when left out. */
  readonly factors?: Factors;
}

/** The settings buffer (kernels/lib/settings.wgsl) of a client that trains some components and the head. */
export function settingsBuffer(
  layout: PackedLayout,
  settings: OptimizerSettings,
  trained: TrainedComponents,
): Float32Array {
  const { learningRate, headLearningRate, weightDecay } = settings;
  const buffer = new Float32Array(STEP_SETTINGS + SLOT_SETTINGS * layout.slots);
  const firstOfHead = headSlot(layout, 0);
  // The last slot, which owns the gaps, stays zeros.
  trainedSlots(layout, trained).subarray(0, -1).forEach((moves, slot) => {
    const rate = slot < firstOfHead ? learningRate : headLearningRate;
    buffer.set([rate, weightDecay, moves], STEP_SETTINGS + SLOT_SETTINGS * slot);
  });
  return buffer;
}

/**
 * Writes what changes with the step, the `step`-th of a round, counted from 1. Adam's bias corrections are each slot's own: a component whose
 * moments are still zero is at its first step, however many steps others have taken. They take β as the device holds it: float32 rounds
 * 1 − 0.999 by 1e-5, which would scale every second moment.
 *
 * @param before [slots]: {@linkcode countSteps} of the rounds before.
 * @param factor the schedule's.
 */
export function setStep(
  buffer: Float32Array,
  settings: OptimizerSettings,
  before: Uint32Array,
  step: number,
  factor: number,
): void {
  const { beta1, beta2, epsilon, proximal, clipNorm } = settings;
  const { sensitivityBeta1, sensitivityBeta2 } = settings;
  buffer.set([factor, beta1, beta2, epsilon, proximal, 0, clipNorm]);
  buffer.set([sensitivityBeta1, sensitivityBeta2], 7);
  before.forEach((earlier, slot) => {
    const at = STEP_SETTINGS + SLOT_SETTINGS * slot;
    if (buffer[at + 2] === 0) return;
    const t = earlier + step;
    buffer.set([1 - Math.fround(beta1) ** t, 1 - Math.fround(beta2) ** t], at + 3);
  });
}

/** Steps in which each slot was trained, [slots]: those of `before`, and `steps` more of training some components and the head. */
export function countSteps(
  layout: PackedLayout,
  trained: TrainedComponents,
  steps: number,
  before: Uint32Array = new Uint32Array(layout.slots),
): Uint32Array {
  const slots = trainedSlots(layout, trained);
  return before.map((earlier, slot) => earlier + steps * slots[slot]);
}

/** Per slot: 1 where it is trained. */
function trainedSlots(
  layout: PackedLayout,
  { train, factors = "both" }: TrainedComponents,
): Uint8Array {
  const slots = new Uint8Array(layout.slots);
  train.forEach((mask, m) =>
    mask.forEach((moves, i) => {
      const { a, b } = componentSlots(layout, m, i);
      slots[a] = factors === "both" ? moves : 0;
      slots[b] = moves;
    })
  );
  layout.head.forEach((_, tensor) => slots[headSlot(layout, tensor)] = 1);
  return slots;
}
