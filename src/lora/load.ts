/** Brings an adapted model's programs and the base weights onto a device. @module */

import type { Device, Executor } from "../engine/device.ts";
import type { Program } from "../engine/program.ts";
import { BUFFERS } from "./buffers.ts";
import {
  type AdaptedModel,
  buildEvaluation,
  buildStep,
  buildTraining,
  type BuiltProgram,
} from "./adapted_model.ts";
import { elementSlots } from "./layout.ts";

/** Where base weights come from; a {@linkcode WeightSource} is one. */
export interface WeightLoader {
  /** A base tensor as float32, row-major, by its full Hugging Face name; rejects when it is missing or has another shape. */
  load(name: string, expectedShape: readonly number[]): Promise<Float32Array>;
}

/** Sizes of a run's programs. */
export interface ProgramSizes {
  /** Bucket lengths T, ascending. */
  readonly buckets: readonly number[];
  /** Rows B of a training step. */
  readonly batch: number;
  /** Rows B of an evaluation batch. */
  readonly evaluationBatch: number;
  /** Training steps between two reads of their losses. */
  readonly trainingRing: number;
  /** Evaluation batches between two reads of their logits and losses. */
  readonly evaluationRing: number;
}

/**
 * Builds the programs of every bucket, loads them together, and writes the base weights, one tensor at a time.
 *
 * @throws HalfRangeError naming a tensor that is to be stored in half precision and has a number beyond its range.
 * @throws what `weights.load` throws for a missing tensor or a wrong shape.
 */
export async function loadAdaptedModel(
  device: Device,
  adapted: AdaptedModel,
  sizes: ProgramSizes,
  weights: WeightLoader,
): Promise<Executor> {
  const { kind } = device.info;
  const built = sizes.buckets.flatMap((T): BuiltProgram[] => [
    buildTraining(adapted, { B: sizes.batch, T, ring: sizes.trainingRing }, kind),
    buildEvaluation(adapted, { B: sizes.evaluationBatch, T, ring: sizes.evaluationRing }, kind),
  ]);
  if (adapted.accumulate) built.push(buildStep(adapted));
  const programs = built.map(({ program }) => program);
  const constants = new Map(built.flatMap((part) => [...part.constants]));
  const executor = await device.load(programs);
  try {
    for (const [name, shape] of frozenTensors(programs)) {
      executor.write(name, constants.get(name) ?? await weights.load(name, shape));
    }
    executor.write(BUFFERS.slots, elementSlots(adapted.layout));
    return executor;
  } catch (error) {
    await executor.close();
    throw error;
  }
}

/** Base tensors of the programs, by name. */
export function frozenTensors(programs: readonly Program[]): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const program of programs) {
    for (const { name, shape, placement } of program.tensors) {
      if (placement.kind === "activation") continue;
      if (program.buffers.get(placement.buffer)?.role === "weight") shapes.set(name, shape);
    }
  }
  return shapes;
}
