/**
 * A message that is made tensor by tensor as it is sent, so that a sender with many readers at a time holds none of theirs whole.
 *
 * @module
 */

import { cellCount } from "../cell_count.ts";
import { type SafetensorsArray, safetensorsDtype, type SafetensorsInput } from "../safetensors.ts";
import { dtypeWidth } from "../safetensors_dtype.ts";
import { type PlannedTensor, planSafetensors } from "../safetensors_plan.ts";
import {
  addressTexts,
  type EncodedMessage,
  type MessageAddress,
  type MessageKind,
  type MessageParts,
  type MessageSizes,
} from "./frame.ts";

/** A tensor whose numbers are made when it is its turn. */
export interface PromisedTensor extends PlannedTensor {
  /** Makes them, one per cell. */
  readonly make: () => SafetensorsArray;
}

/** The parts of a message that is not made yet. */
export interface PromisedParts extends Pick<MessageParts, "metadata"> {
  /** A and B of the modules. */
  readonly lora: readonly PromisedTensor[];
  /** The head. */
  readonly head: readonly PromisedTensor[];
  /** Index lists and scores. */
  readonly lists: readonly PromisedTensor[];
}

/** A message that is not made yet. */
export interface MessagePlan {
  /** Where its bytes will go. */
  readonly sizes: MessageSizes;
  /** Makes it: its header, then tensor by tensor; the same each time. */
  readonly pieces: () => Generator<Uint8Array, void, void>;
}

/** A tensor whose numbers are there. @throws {RangeError} when they do not fill its shape. */
export function promised(tensor: SafetensorsInput): PromisedTensor {
  const { name, shape, data } = tensor;
  return { name, shape, dtype: safetensorsDtype(tensor), make: () => data };
}

/** Plans a message, which is made of what `make` of its tensors returns then. Without a client it is for all of them. */
export function planMessage(
  kind: MessageKind,
  address: Omit<MessageAddress, "client"> & Partial<MessageAddress>,
  { lora, head, lists, metadata }: PromisedParts,
): MessagePlan {
  const texts = { ...metadata, ...addressTexts(kind, address) };
  const plan = planSafetensors([...lora, ...head, ...lists], texts);
  const sizes = { lora: bytesOf(lora), head: bytesOf(head), total: plan.size };
  return {
    sizes: { ...sizes, overhead: sizes.total - sizes.lora - sizes.head },
    *pieces() {
      yield plan.head;
      for (const tensor of plan.tensors) {
        const { buffer, byteOffset, byteLength } = tensor.make();
        if (byteLength !== bytesOf([tensor])) {
          throw new RangeError(
            `Cannot write tensor "${tensor.name}": expected ${
              bytesOf([tensor])
            } bytes, got ${byteLength}`,
          );
        }
        yield new Uint8Array(buffer, byteOffset, byteLength);
      }
    },
  };
}

/** Encodes a message whose numbers are there, and counts its bytes. */
export function encodeMessage(
  kind: MessageKind,
  address: Omit<MessageAddress, "client"> & Partial<MessageAddress>,
  { lora, head, lists, ...texts }: MessageParts,
): EncodedMessage {
  return wholeMessage(planMessage(kind, address, {
    ...texts,
    lora: lora.map(promised),
    head: head.map(promised),
    lists: lists.map(promised),
  }));
}

/** Makes all of a message. */
export function wholeMessage({ sizes, pieces }: MessagePlan): EncodedMessage {
  const bytes = new Uint8Array(sizes.total);
  let filled = 0;
  for (const piece of pieces()) {
    bytes.set(piece, filled);
    filled += piece.length;
  }
  return { bytes, sizes };
}

function bytesOf(tensors: readonly PlannedTensor[]): number {
  return tensors.reduce((sum, { dtype, shape }) => sum + dtypeWidth(dtype) * cellCount(shape), 0);
}
