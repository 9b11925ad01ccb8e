/** The state that a process begins with, and the checkpoint that a later one goes on from. @module */

import type { PackedLayout } from "../../lora/layout.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../pretrain/checkpoint.ts";
import type { PretrainState } from "../../pretrain/trainer.ts";
import { initialWeights } from "../../pretrain/weights.ts";
import { UserError } from "../../protocol/errors.ts";
import { SafetensorsError } from "../../protocol/safetensors.ts";
import type { WeightSource } from "../../weights/mod.ts";
import { writeAtomically } from "../write_atomically.ts";
import { partsOf } from "./folder.ts";
import type { PretrainConfig } from "./config.ts";
import { initialDeviation } from "./model_config.ts";

/**
 * Before the first step. What `source` lacks, as a base without its language-model head does, starts at random.
 *
 * @throws WeightsError when a tensor of the source has another shape.
 */
export async function firstState(
  layout: PackedLayout,
  { seed, width }: PretrainConfig,
  source?: WeightSource,
): Promise<PretrainState> {
  const parameters = initialWeights(layout, initialDeviation(width), seed);
  for (const [i, { name, shape }] of layout.head.entries()) {
    if (!source?.has(name)) continue;
    parameters.set(await source.load(name, shape), layout.headSlices[i].offset);
  }
  return { steps: 0, parameters, moments: new Float32Array(2 * layout.length) };
}

/**
 * Reads the checkpoint of a folder.
 *
 * @param most steps that the pretraining is to end after.
 * @throws UserError when the checkpoint is missing, damaged, of another shape, or beyond its end.
 */
export async function readState(
  folder: string,
  layout: PackedLayout,
  most: number,
): Promise<PretrainState> {
  const path = partsOf(folder).checkpoint;
  const file = await Deno.readFile(path).catch((error) => {
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : error.message;
    throw new UserError(`Cannot resume: cannot read "${path}": ${reason}`);
  });
  const state = decoded(path, layout, file);
  if (state.steps <= most) return state;
  throw new UserError(
    `Cannot end after ${most} steps (--steps): ${state.steps} have been taken already`,
  );
}

function decoded(path: string, layout: PackedLayout, file: Uint8Array): PretrainState {
  try {
    return decodeCheckpoint(layout, file);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new UserError(`Cannot resume: "${path}" is damaged (${error.message})`);
  }
}

/** Replaces the checkpoint of a folder. */
export function writeState(
  folder: string,
  layout: PackedLayout,
  state: PretrainState,
): Promise<void> {
  return writeAtomically(partsOf(folder).checkpoint, encodeCheckpoint(layout, state));
}
