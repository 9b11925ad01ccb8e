/** What a client remembers from one of its rounds to the next, and how it is saved. @module */

import type { OptimizerState } from "../lora/session.ts";
import { UserError } from "../protocol/errors.ts";
import { decodeSafetensors, encodeSafetensors, toFloat32 } from "../protocol/safetensors.ts";

/** What a client remembers; nothing, unless it ranks for itself or keeps its optimizer. */
export interface ClientMemory {
  /** Its own scores of its last round, per module [r]. */
  readonly scores?: readonly Float64Array[] | undefined;
  /** Its moments and sensitivities after its last round. */
  readonly optimizer?: OptimizerState | undefined;
}

/** What a client remembered after a round, wherever it lies. */
export interface KeptMemory {
  /** The round, 1 for the first. */
  readonly round: number;
  /** Fetches it; whoever does holds it no longer than the client's turn takes. */
  read(): Promise<ClientMemory>;
}

/**
 * Puts away what a client remembers after a round (1 for the first). What was kept after earlier rounds stays readable: a round that failed is run
 * again from there. The same client and round again replaces what the failed try left.
 */
export type KeepMemory = (
  client: number,
  round: number,
  memory: ClientMemory,
) => Promise<KeptMemory>;

/** Keeps memories where they are, for as long as a state refers to them. */
export const keepInMemory: KeepMemory = (_client, round, memory) =>
  Promise.resolve({ round, read: () => Promise.resolve(memory) });

/** A client's memory as a file. Scores go as the bytes of their doubles, so that a resumed run makes the same choices. */
export function encodeMemory({ scores, optimizer }: ClientMemory): Uint8Array {
  const parts = (scores ?? []).map((values, m) => ({
    name: `scores.${m}`,
    shape: [values.byteLength],
    data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  }));
  if (optimizer === undefined) return encodeSafetensors(parts);
  const { moments, sensitivity, steps } = optimizer;
  return encodeSafetensors([
    ...parts,
    { name: "moments", shape: [moments.length], data: moments },
    { name: "sensitivity", shape: [sensitivity.length], data: sensitivity },
    { name: "steps", shape: [steps.length], data: steps },
  ]);
}

/**
 * Reads what {@linkcode encodeMemory} wrote.
 *
 * @throws UserError when a part of the optimizer is missing.
 * @throws SafetensorsError when the file is damaged.
 */
export function decodeMemory(bytes: Uint8Array): ClientMemory {
  const { tensors } = decodeSafetensors(bytes);
  const scores: Float64Array[] = [];
  for (let m = 0; tensors.has(`scores.${m}`); m++) {
    scores.push(new Float64Array(tensors.get(`scores.${m}`)!.bytes.slice().buffer));
  }
  const part = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new UserError(`Cannot resume: the checkpoint lacks "${name}" of a client's optimizer`);
    }
    return tensor.bytes;
  };
  return {
    scores: scores.length > 0 ? scores : undefined,
    optimizer: tensors.has("moments")
      ? {
        steps: new Uint32Array(part("steps").slice().buffer),
        moments: toFloat32("F32", part("moments")),
        sensitivity: toFloat32("F32", part("sensitivity")),
      }
      : undefined,
  };
}
