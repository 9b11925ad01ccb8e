/** What a client remembers from one of its rounds to the next, and how it is saved. @module */

import type { OptimizerState } from "../lora/session.ts";
import type { ComponentSlices } from "../protocol/components.ts";
import { UserError } from "../protocol/errors.ts";
import { decodeSafetensors, encodeSafetensors, toFloat32 } from "../protocol/safetensors.ts";

/** A model that is a client's own. */
export interface OwnModel {
  /** Per module: its first r_k components. */
  readonly modules: readonly ComponentSlices[];
  /** Per tensor of the head, its numbers. */
  readonly head: readonly Float32Array[];
}

/** What a client remembers; nothing, unless it ranks for itself, keeps its optimizer or has a model of its own. */
export interface ClientMemory {
  /** Its own scores of its last round, per module [r]. */
  readonly scores?: readonly Float64Array[] | undefined;
  /** Its moments and sensitivities after its last round. */
  readonly optimizer?: OptimizerState | undefined;
  /** Its model after its last round, where clients share none. */
  readonly model?: OwnModel | undefined;
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
export function keepInMemory(
  _client: number,
  round: number,
  memory: ClientMemory,
): Promise<KeptMemory> {
  return Promise.resolve({ round, read: () => Promise.resolve(memory) });
}

/** A client's memory as a file. Scores go as the bytes of their doubles, so that a resumed run makes the same choices. */
export function encodeMemory({ scores = [], optimizer, model }: ClientMemory): Uint8Array {
  const list = (name: string, data: Float32Array | Uint32Array | Uint8Array) => ({
    name,
    shape: [data.length],
    data,
  });
  return encodeSafetensors([
    ...scores.map((values, m) =>
      list(`scores.${m}`, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    ),
    ...(optimizer
      ? [
        list("moments", optimizer.moments),
        list("sensitivity", optimizer.sensitivity),
        list("steps", optimizer.steps),
      ]
      : []),
    ...(model
      ? [
        ...model.modules.flatMap(({ a, b }, m) => [list(`a.${m}`, a), list(`b.${m}`, b)]),
        ...model.head.map((data, h) => list(`head.${h}`, data)),
      ]
      : []),
  ]);
}

/**
 * Reads what {@linkcode encodeMemory} wrote.
 *
 * @throws UserError when a part of the optimizer or of the model is missing.
 * @throws SafetensorsError when the file is damaged.
 */
export function decodeMemory(bytes: Uint8Array): ClientMemory {
  const { tensors } = decodeSafetensors(bytes);
  const part = (name: string, whole: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new UserError(`Cannot resume: the checkpoint lacks "${name}" of a client's ${whole}`);
    }
    return tensor.bytes;
  };
  const floats = (name: string, whole: string) => toFloat32("F32", part(name, whole));
  const count = (kind: string) => {
    let found = 0;
    while (tensors.has(`${kind}.${found}`)) found++;
    return found;
  };
  const each = <T>(kind: string, read: (place: number) => T) =>
    Array.from({ length: count(kind) }, (_, place) => read(place));
  const scores = each(
    "scores",
    (m) => new Float64Array(part(`scores.${m}`, "scores").slice().buffer),
  );
  return {
    scores: scores.length > 0 ? scores : undefined,
    optimizer: tensors.has("moments")
      ? {
        steps: new Uint32Array(part("steps", "optimizer").slice().buffer),
        moments: floats("moments", "optimizer"),
        sensitivity: floats("sensitivity", "optimizer"),
      }
      : undefined,
    // By its components: a language model has no head.
    ...(tensors.has("a.0") && {
      model: {
        modules: each("a", (m) => ({ a: floats(`a.${m}`, "model"), b: floats(`b.${m}`, "model") })),
        head: each("head", (h) => floats(`head.${h}`, "model")),
      },
    }),
  };
}
