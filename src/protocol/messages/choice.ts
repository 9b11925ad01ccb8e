/**
 * The message of a client that ranks for itself, sent before it downloads: the components it wants to train.
 *
 * @module
 */

import type { AdapterLayout } from "../bank.ts";
import {
  type EncodedMessage,
  indexTensors,
  type MessageAddress,
  openMessage,
  refuseLeftovers,
  takeIndices,
} from "./frame.ts";
import { encodeMessage } from "./message_plan.ts";

/** Encodes a client's choice: per module, ascending indices. All of it is overhead. */
export function encodeChoice(
  layout: Pick<AdapterLayout, "modules">,
  indices: readonly Uint32Array[],
  address: MessageAddress,
): EncodedMessage {
  return encodeMessage("choice", address, {
    lora: [],
    head: [],
    lists: indexTensors(layout.modules, indices),
  });
}

/**
 * Decodes a choice; {@linkcode checkClientChoice} checks its budget.
 *
 * @throws {SafetensorsError} when the bytes are not safetensors.
 * @throws {MessageError} when a list is missing, unexpected or not one, or the header is too long.
 */
export function decodeChoice(
  bytes: Uint8Array,
  layout: AdapterLayout,
): { readonly address: MessageAddress; readonly indices: readonly Uint32Array[] } {
  const message = openMessage("choice", bytes, layout);
  const indices = layout.modules.map(({ name }) => takeIndices(message, name, layout.rank));
  refuseLeftovers(message);
  return { address: message.address, indices };
}
