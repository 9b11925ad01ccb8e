/**
 * One adapted model on a device: install an adapter, train it, read it back. Switching client means installing another adapter; the base weights stay.
 *
 * @module
 */

import type { Executor } from "../engine/device.ts";
import { elementCount } from "../engine/program.ts";
import type { ModuleComponents, NamedTensor } from "../protocol/bank.ts";
import type { ModuleSensitivity } from "../protocol/scores.ts";
import { BUFFERS } from "./buffers.ts";
import { type AdaptedModel, STEP_PROGRAM } from "./adapted_model.ts";
import { letTasksRun } from "./let_tasks_run.ts";
import { maskStride, type Slice } from "./layout.ts";
import {
  type OptimizerSettings,
  setStep,
  settingsBuffer,
  type TrainedComponents,
} from "./optimizer_settings.ts";

/** A padded batch, as data/batches.ts makes it. B rows of T tokens; rows of weight 0 are padding. */
export interface ClassifierBatch {
  /** Rows, real and padding: the loaded program's. */
  readonly B: number;
  /** Tokens of a row, real and padding: one of the loaded programs' buckets. */
  readonly T: number;
  /** [B,T] token ids. */
  readonly ids: Uint32Array;
  /** [B,T], 1 on real tokens and 0 on padding. */
  readonly mask: Uint32Array;
  /** [B] class indices, counted from 0; those of padding rows do not matter. */
  readonly labels: Uint32Array;
  /** [B], summing to 1 over the real rows of a step. */
  readonly weights: Float32Array;
  /** [B,T] weights that sum a row's token states to its pooled state, 0 on padding. */
  readonly poolWeights: Float32Array;
  /** Real rows; they come first. */
  readonly rows: number;
}

/** A padded batch of a language model, as data/token_batches.ts makes it: B rows of T tokens, P = B·(T − 1) predictions of a token from those before it. */
export interface LanguageModelBatch {
  /** Rows, real and padding: the loaded program's. */
  readonly B: number;
  /** Tokens of a row, real and padding: one of the loaded programs' buckets. */
  readonly T: number;
  /** [B,T] token ids. */
  readonly ids: Uint32Array;
  /** [B,T] number of each token's document in its row, from 1, and 0 on padding. */
  readonly mask: Uint32Array;
  /** [B,T] place of each token in its document, from 0. */
  readonly positions: Uint32Array;
  /** [P] places in B·T that are predicted from; those of padding do not matter. */
  readonly places: Uint32Array;
  /** [P] the tokens that come next; those of padding do not matter. */
  readonly labels: Uint32Array;
  /** [P] weight of each prediction, 0 in padding. */
  readonly weights: Float32Array;
  /** Predictions that are not padding; they come first. */
  readonly predictions: number;
}

/** A batch of what the session's model is trained for. */
export type DeviceBatch = ClassifierBatch | LanguageModelBatch;

/** An adapter as a client holds it. */
export interface InstalledAdapter {
  /** A and B of all r components, in the layout's order; what is not held may be zeros. */
  readonly modules: readonly ModuleComponents[];
  /** The head's tensors, in the layout's order. */
  readonly head: readonly NamedTensor[];
  /** Per module [r]: components of the forward pass. */
  readonly forward: readonly Uint8Array[];
}

/** Optimizer state that outlives a round when clients keep it. */
export interface OptimizerState {
  /** [slots] of the layout: steps in which each was trained since its moments were zero; the head is trained in every step. */
  readonly steps: Uint32Array;
  /** [P, 2]: Adam's first and second moment of each packed element; empty under SGD. */
  readonly moments: Float32Array;
  /** [P, 2]: smoothed sensitivity Ī and its deviation Ū of each packed element. */
  readonly sensitivity: Float32Array;
}

/** One training step. */
export interface TrainingStep {
  /** Its batches, whose weights sum to 1 over all of them: one, unless the model accumulates. */
  readonly batches: readonly SeededBatch[];
  /** The schedule's factor of the learning rate. */
  readonly factor: number;
}

/** A batch of a step. */
export interface SeededBatch {
  /** Its rows. */
  readonly batch: DeviceBatch;
  /** Seed of its dropout, an unsigned 32-bit number. */
  readonly seed: number;
}

/** An adapted model's programs and base weights on a device. One adapter is installed at a time; close the executor when done. */
export interface Session {
  /** The loaded programs and their buffers. */
  readonly executor: Executor;
  /** What the programs compute. */
  readonly adapted: AdaptedModel;
  /** Training steps between two reads of their losses, as loaded. */
  readonly trainingRing: number;
  /** Evaluation batches between two reads of their results, as loaded. */
  readonly evaluationRing: number;
}

/** Writes A, B and head, and which components take part in the forward pass, over the adapter that was installed. What a proximal term pulls to follows. */
export function installAdapter(
  { executor, adapted: { layout, proximal } }: Session,
  { modules, head, forward }: InstalledAdapter,
): void {
  const packed = new Float32Array(layout.length);
  const masks = new Uint32Array(layout.modules.length * maskStride(layout));
  modules.forEach(({ a, b }, m) => {
    packed.set(a, layout.a[m].offset);
    packed.set(b, layout.b[m].offset);
    masks.set(forward[m], m * maskStride(layout));
  });
  head.forEach(({ data }, i) => packed.set(data, layout.headSlices[i].offset));
  executor.write(BUFFERS.adapter, packed);
  if (proximal) executor.write(BUFFERS.anchor, packed);
  if (masks.length > 0) executor.write(BUFFERS.forwardMask, masks);
}

/** Reads the installed adapter as it is now: A [r, inFeatures] and B [outFeatures, r] of each module, and the head. */
export async function readAdapter(
  { executor, adapted: { layout } }: Session,
): Promise<{ modules: ModuleComponents[]; head: NamedTensor[] }> {
  const packed = await executor.read(BUFFERS.adapter) as Float32Array;
  return {
    modules: layout.modules.map((module, m) => ({
      ...module,
      a: sliceOf(packed, layout.a[m]),
      b: sliceOf(packed, layout.b[m]),
    })),
    head: layout.head.map(({ name, shape }, i) => ({
      name,
      shape,
      data: sliceOf(packed, layout.headSlices[i]),
    })),
  };
}

/** Smoothed sensitivities of the adapter's matrices since the optimizer state was zero, per module. */
export async function readSensitivity(
  { executor, adapted: { layout } }: Session,
): Promise<ModuleSensitivity[]> {
  const packed = await executor.read(BUFFERS.sensitivity) as Float32Array;
  const pair = ({ offset, shape }: Slice) => {
    const count = elementCount(shape);
    const at = (part: number) =>
      Float32Array.from({ length: count }, (_, i) => packed[2 * (offset + i) + part]);
    return { smoothed: at(0), uncertainty: at(1) };
  };
  return layout.modules.map((_, m) => ({ a: pair(layout.a[m]), b: pair(layout.b[m]) }));
}

/** Sets Adam's moments and the sensitivities: to zero, or to what a client kept. SGD has no moments. */
export function installOptimizerState(
  { executor, adapted }: Session,
  state?: OptimizerState,
): void {
  if (adapted.optimizer === "adamw") {
    if (state) executor.write(BUFFERS.moments, state.moments);
    else executor.clear(BUFFERS.moments);
  }
  if (state) executor.write(BUFFERS.sensitivity, state.sensitivity);
  else executor.clear(BUFFERS.sensitivity);
}

/** Reads what a client keeps between rounds. `steps` [slots] is what `countSteps` (optimizer_settings.ts) says of its training since the state was zero. */
export async function readOptimizerState(
  { executor, adapted }: Session,
  steps: Uint32Array,
): Promise<OptimizerState> {
  const [moments, sensitivity] = await Promise.all([
    adapted.optimizer === "adamw" ? executor.read(BUFFERS.moments) : new Float32Array(0),
    executor.read(BUFFERS.sensitivity),
  ]) as Float32Array[];
  return { steps, moments, sensitivity };
}

/**
 * Takes training steps from the installed adapter and optimizer state. Between steps other tasks of this thread run (signals, timers).
 *
 * @param trained what moves beside the head, which always does.
 * @param steps batches of one loaded shape [B,T] for each bucket.
 * @param stepsBefore [slots]: the `steps` of the installed optimizer state, from which Adam's bias corrections count on; zeros where it was reset.
 *
 * @returns the loss of each step, in nats; without a proximal term.
 *
 * @throws TypeError when the settings have a proximal term and the model was not built for one.
 */
export async function train(
  session: Session,
  settings: OptimizerSettings,
  trained: TrainedComponents,
  steps: AsyncIterable<TrainingStep> | Iterable<TrainingStep>,
  stepsBefore: Uint32Array = new Uint32Array(session.adapted.layout.slots),
): Promise<Float64Array> {
  const { executor, adapted, trainingRing } = session;
  const { layout, proximal, accumulate = false } = adapted;
  if (settings.proximal > 0 && !proximal) {
    throw new TypeError(
      `Cannot train with a proximal term of ${settings.proximal}: expected a model built for one`,
    );
  }
  const buffer = settingsBuffer(layout, settings, trained);
  const losses: number[] = [];
  /** The step of each batch whose losses are still in the ring. */
  const pending: number[] = [];
  let size = 0;
  const collect = async () => {
    if (pending.length === 0) return;
    const ring = await executor.read(BUFFERS.trainLosses, 0, pending.length * size) as Float32Array;
    pending.forEach((step, i) => {
      losses[step] += ring.subarray(i * size, (i + 1) * size).reduce((sum, loss) => sum + loss, 0);
    });
    pending.length = 0;
  };
  for await (const { batches, factor } of steps) {
    if (batches.length !== 1 && !accumulate) {
      throw new TypeError(
        `Cannot take a step of ${batches.length} batches: expected a model built to accumulate`,
      );
    }
    losses.push(0);
    setStep(buffer, settings, stepsBefore, losses.length, factor);
    executor.write(BUFFERS.settings, buffer);
    if (accumulate) executor.clear(BUFFERS.accumulated);
    for (const { batch, seed } of batches) {
      // Losses of rows of another length are so many that they do not lie one after the other.
      if (batch.weights.length !== size) await collect();
      size = batch.weights.length;
      writeBatch(session, batch);
      executor.write(BUFFERS.seed, Uint32Array.of(seed));
      executor.write(BUFFERS.cursor, Uint32Array.of(pending.length));
      executor.run(`train ${batch.B}×${batch.T}`);
      pending.push(losses.length - 1);
      if (pending.length === trainingRing) await collect();
      await letTasksRun();
    }
    if (accumulate) executor.run(STEP_PROGRAM);
  }
  await collect();
  return Float64Array.from(losses);
}

/** Writes the inputs that training and evaluation share. */
export function writeBatch(
  { executor, adapted: { model } }: Pick<Session, "executor" | "adapted">,
  batch: DeviceBatch,
): void {
  const { ids, mask, labels, weights } = batch;
  executor.write(BUFFERS.ids, ids);
  executor.write(BUFFERS.mask, mask);
  executor.write(BUFFERS.labels, labels);
  executor.write(BUFFERS.weights, weights);
  if ("places" in batch) {
    executor.write(BUFFERS.positions, batch.positions);
    executor.write(BUFFERS.places, batch.places);
    return;
  }
  const { B, T } = batch;
  const positions = new Uint32Array(B * T);
  for (let row = 0; row < B; row++) {
    positions.set(model.positions(mask.subarray(row * T, (row + 1) * T)), row * T);
  }
  executor.write(BUFFERS.positions, positions);
  executor.write(BUFFERS.poolWeights, batch.poolWeights);
}

function sliceOf(packed: Float32Array, { offset, shape }: Slice): Float32Array {
  return packed.slice(offset, offset + elementCount(shape));
}
