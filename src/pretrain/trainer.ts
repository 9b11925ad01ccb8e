/** A pretraining on a device: steps, evaluations, and the state that a later process goes on from. @module */

import type { Device, DeviceInfo } from "../engine/device.ts";
import { IGNORED_LABEL } from "../engine/ops/ignored_label.ts";
import { SLOT_SETTINGS, STEP_SETTINGS } from "../engine/ops/optimizer.ts";
import { elementSlots, headSlot, type PackedLayout } from "../lora/layout.ts";
import { setStep } from "../lora/optimizer_settings.ts";
import type { Model } from "../models/family.ts";
import type { PretrainBatch } from "./batches.ts";
import { BUFFERS, buildPretraining, type PretrainSizes, programNames } from "./programs.ts";
import { adamSettings, type PretrainSettings, rateFactor } from "./settings.ts";

/** What a later process goes on from. P elements as the layout packs them. */
export interface PretrainState {
  /** Steps taken. */
  readonly steps: number;
  /** [P] */
  readonly parameters: Float32Array;
  /** [P,2] Adam's moments. */
  readonly moments: Float32Array;
}

/** A loaded pretraining. Close it when done. */
export interface Trainer {
  /** The device in use, with its kernels. */
  readonly device: DeviceInfo;
  readonly layout: PackedLayout;
  /** Installs a state; steps go on from it. */
  install(state: PretrainState): void;
  /** Takes the step after `step` others, counted from 0. */
  step(step: number, batch: PretrainBatch): void;
  /** Mean losses in nats of the steps since the last call, at most as many as the ring holds. */
  losses(): Promise<number[]>;
  /** Sum of the losses, in nats, and number of predictions over some batches. */
  evaluate(batches: Iterable<PretrainBatch>): Promise<{ loss: number; predictions: number }>;
  state(steps: number): Promise<PretrainState>;
  close(): Promise<void>;
}

/** Loads a model's pretraining onto a device. */
export async function openTrainer(
  device: Device,
  model: Model,
  sizes: PretrainSizes,
  settings: PretrainSettings,
): Promise<Trainer> {
  const { layout, programs, constants } = buildPretraining(model, sizes, device.info.kind);
  const executor = await device.load(programs);
  for (const [name, data] of constants) executor.write(name, data);
  executor.write(BUFFERS.slots, elementSlots(layout));
  const mask = new Uint32Array(sizes.B * sizes.T).fill(1);
  executor.write(BUFFERS.mask, mask);
  executor.write(BUFFERS.positions, positions(model, sizes));
  const { optimizer, buffer } = optimizerBuffer(layout, settings);
  const before = new Uint32Array(layout.slots);
  let pending = 0;

  const write = ({ ids, places, labels }: PretrainBatch): number => {
    const predicted = labels.reduce((sum, label) => sum + (label === IGNORED_LABEL ? 0 : 1), 0);
    executor.write(BUFFERS.ids, ids);
    executor.write(BUFFERS.places, places);
    executor.write(BUFFERS.labels, labels);
    executor.write(BUFFERS.weights, new Float32Array(sizes.P).fill(1 / Math.max(1, predicted)));
    executor.write(BUFFERS.cursor, Uint32Array.of(pending));
    return predicted;
  };
  const collect = async (): Promise<number[]> => {
    const count = pending;
    pending = 0;
    if (count === 0) return [];
    const ring = await executor.read(BUFFERS.losses, 0, count * sizes.P) as Float32Array;
    return Array.from(
      { length: count },
      (_, i) => ring.subarray(i * sizes.P, (i + 1) * sizes.P).reduce((sum, loss) => sum + loss, 0),
    );
  };

  return {
    device: executor.device,
    layout,
    install({ parameters, moments }) {
      executor.write(BUFFERS.parameters, parameters);
      executor.write(BUFFERS.moments, moments);
    },
    step(step, batch) {
      if (pending === sizes.ring) {
        throw new Error(`Cannot take a step: the losses of ${pending} others are unread`);
      }
      write(batch);
      setStep(buffer, optimizer, before, step + 1, rateFactor(settings, step));
      executor.write(BUFFERS.settings, buffer);
      executor.run(programNames.step);
      pending++;
    },
    losses: collect,
    async evaluate(batches) {
      if (pending > 0) throw new Error("Cannot evaluate: losses of steps are unread");
      let loss = 0, predictions = 0;
      for (const batch of batches) {
        const predicted = write(batch);
        executor.run(programNames.evaluation);
        pending = 1;
        loss += (await collect())[0] * predicted;
        predictions += predicted;
      }
      return { loss, predictions };
    },
    async state(steps) {
      return {
        steps,
        parameters: await executor.read(BUFFERS.parameters) as Float32Array,
        moments: await executor.read(BUFFERS.moments) as Float32Array,
      };
    },
    close: () => executor.close(),
  };
}

/** [B,T]; every token is real. */
function positions(model: Model, { B, T }: PretrainSizes): Uint32Array {
  const row = model.positions(new Uint32Array(T).fill(1));
  const all = new Uint32Array(B * T);
  for (let b = 0; b < B; b++) all.set(row, b * T);
  return all;
}

/** The settings of AdamW over all weights. Only matrices decay: pulling a norm's scale to 0 would shrink what it normalises. */
function optimizerBuffer(layout: PackedLayout, { learningRate, weightDecay }: PretrainSettings) {
  const optimizer = {
    ...adamSettings,
    learningRate,
    headLearningRate: learningRate,
    weightDecay,
    proximal: 0,
    // Nothing reads the sensitivities of a pretraining.
    sensitivityBeta1: 0,
    sensitivityBeta2: 0,
  };
  const buffer = new Float32Array(STEP_SETTINGS + SLOT_SETTINGS * layout.slots);
  layout.head.forEach(({ shape }, tensor) => {
    const decay = shape.length > 1 ? weightDecay : 0;
    buffer.set([learningRate, decay, 1], STEP_SETTINGS + SLOT_SETTINGS * headSlot(layout, tensor));
  });
  return { optimizer, buffer };
}
