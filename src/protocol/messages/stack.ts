/**
 * The server's message to all clients at the start of a round of FLoRA: the adapters of the round before, stacked, Σ_k r_k(in + out) numbers per module,
 * which each client merges into its own copy of the base weights.
 *
 * @module
 */

import type { AdapterLayout } from "../bank.ts";
import { componentTensors } from "../component_tensors.ts";
import type { ComponentSlices } from "../components.ts";
import type { EncodedMessage, MessageAddress } from "./frame.ts";
import { encodeMessage } from "./message_plan.ts";

/** Encodes a stack, A and B by the names that a module's have. It is one message for all clients and names none. */
export function encodeStack(
  { modules }: Pick<AdapterLayout, "modules">,
  stack: readonly ComponentSlices[],
  address: Omit<MessageAddress, "client">,
): EncodedMessage {
  return encodeMessage("stack", address, {
    lora: modules.flatMap((module, m) =>
      componentTensors(module, stack[m].a.length / module.inFeatures, stack[m])
    ),
    head: [],
    lists: [],
  });
}
