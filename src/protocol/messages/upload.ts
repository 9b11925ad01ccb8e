/**
 * The client's message at the end of a round: its trained components, r_k(in + out) numbers per module, the head, and, where the
 * server ranks, r scores per module.
 *
 * @module
 */

import type { AdapterLayout } from "../bank.ts";
import type { SafetensorsInput } from "../safetensors.ts";
import { scoresName } from "../tensor_names.ts";
import type { ClientUpdate } from "../update.ts";
import {
  componentTensors,
  type EncodedMessage,
  encodeMessage,
  indexTensors,
  openMessage,
  readWhole,
  refuseLeftovers,
  takeComponents,
  takeFloats,
  takeHead,
  takeIndices,
} from "./frame.ts";

/**
 * Encodes an update. Scores go as float32.
 *
 * @throws {RangeError} when an array does not have the layout's shape.
 */
export function encodeUpdate(
  layout: AdapterLayout,
  update: ClientUpdate,
  { run }: { readonly run: string },
): EncodedMessage {
  const { client, round, samples, indices, a, b, scores, head } = update;
  const scoreTensors = layout.modules.flatMap(({ name }, m): SafetensorsInput[] =>
    scores
      ? [{ name: scoresName(name), shape: [layout.rank], data: Float32Array.from(scores[m]) }]
      : []
  );
  return encodeMessage("update", { run, round, client }, {
    lora: layout.modules.flatMap((module, m) =>
      componentTensors(module, indices[m].length, { a: a[m], b: b[m] })
    ),
    head,
    lists: [...indexTensors(layout.modules, indices), ...scoreTensors],
    metadata: { samples: String(samples) },
  });
}

/**
 * Decodes an update and checks its form: what must be there is, in the right shapes, and nothing else. Whether its content may be used is
 * for {@linkcode validateUpdate} to say, which knows what the client was dealt.
 *
 * @throws {SafetensorsError} when the bytes are not safetensors.
 * @throws {MessageError} when a tensor is missing, unexpected or of the wrong shape, an index list is not one, or metadata is missing.
 */
export function decodeUpdate(
  bytes: Uint8Array,
  layout: AdapterLayout,
): { readonly run: string; readonly update: ClientUpdate } {
  const message = openMessage("update", bytes);
  const { run, round, client } = message.address;
  const samples = readWhole(message.metadata, "samples");
  const { modules, rank } = layout;
  const indices = modules.map(({ name }) => takeIndices(message, name, rank));
  const slices = modules.map((module, m) => takeComponents(message, module, indices[m].length));
  const scores = modules.some(({ name }) => message.tensors.has(scoresName(name)))
    ? modules.map(({ name }) => takeFloats(message, scoresName(name), [rank]))
    : undefined;
  const head = takeHead(message, layout.head);
  refuseLeftovers(message);
  const a = slices.map((slice) => slice.a);
  const b = slices.map((slice) => slice.b);
  return {
    run,
    update: { client, round, samples, indices, a, b, ...(scores && { scores }), head },
  };
}
