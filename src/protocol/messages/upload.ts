/**
 * The client's message at the end of a round: its trained components, r_k(in + out) numbers per module or r_k·out where only B is trained, the
 * head, and, where the server ranks, r scores per module. Of a client that trains no component it has the head alone.
 *
 * @module
 */

import type { AdapterLayout } from "../bank.ts";
import { componentTensors } from "../component_tensors.ts";
import type { SafetensorsInput } from "../safetensors.ts";
import { loraAName, scoresName } from "../tensor_names.ts";
import type { ClientUpdate } from "../update.ts";
import {
  type EncodedMessage,
  indexTensors,
  type OpenMessage,
  openMessage,
  readWhole,
  refuseLeftovers,
  takeA,
  takeB,
  takeFloats,
  takeHead,
  takeIndexLists,
} from "./frame.ts";
import { encodeMessage } from "./message_plan.ts";

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
  const modules = indices.some((list) => list.length > 0) ? layout.modules : [];
  return encodeMessage("update", { run, round, client }, {
    lora: modules.flatMap((module, m) =>
      componentTensors(module, indices[m].length, { ...(a && { a: a[m] }), b: b[m] })
    ),
    head,
    lists: [...indexTensors(modules, indices), ...scoreTensors],
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
  const message = openMessage("update", bytes, layout);
  const { run, round, client } = message.address;
  const samples = readWhole(message.metadata, "samples");
  const { modules, rank } = layout;
  const components = takeComponents(message, layout);
  const scores = modules.some(({ name }) => message.tensors.has(scoresName(name)))
    ? modules.map(({ name }) => takeFloats(message, scoresName(name), [rank]))
    : undefined;
  const head = takeHead(message, layout.head);
  refuseLeftovers(message);
  return {
    run,
    update: { client, round, samples, ...components, ...(scores && { scores }), head },
  };
}

function takeComponents(
  message: OpenMessage,
  layout: AdapterLayout,
): Pick<ClientUpdate, "indices" | "a" | "b"> {
  const { modules } = layout;
  const indices = takeIndexLists(message, layout);
  if (indices === undefined) {
    const none = modules.map(() => new Float32Array());
    return { indices: modules.map(() => new Uint32Array()), a: none, b: none };
  }
  const sendsA = modules.some(({ name }) => message.tensors.has(loraAName(name)));
  return {
    indices,
    ...(sendsA && { a: modules.map((module, m) => takeA(message, module, indices[m].length)) }),
    b: modules.map((module, m) => takeB(message, module, indices[m].length)),
  };
}
