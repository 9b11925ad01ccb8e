/**
 * What all messages share: safetensors with `kind`, `run`, `round` and `client` as metadata, counted by purpose, read with distrust.
 *
 * @module
 */

import type { AdapterLayout, ModuleShape, NamedTensor } from "../bank.ts";
import { isIndexList } from "../components.ts";
import { UserError } from "../errors.ts";
import { largestHeader } from "../layout_size.ts";
import {
  decodeSafetensors,
  safetensorsHeaderLength,
  type SafetensorsInput,
  type SafetensorsTensor,
  toFloat32,
} from "../safetensors.ts";
import { indicesName, loraAName, loraBName } from "../tensor_names.ts";

/** A message whose metadata, tensors or shapes are not those of its kind in this run. */
export class MessageError extends UserError {
  /** The class's name, for logs. */
  override name = "MessageError";
}

/** What a message is. */
export type MessageKind = "download" | "update" | "choice" | "stack";

/** Whom a message concerns. */
export interface MessageAddress {
  /** The run's identifier. */
  readonly run: string;
  /** The round, counted from 0. */
  readonly round: number;
  /** The client's index in the run. */
  readonly client: number;
}

/** Bytes of a message by purpose; `lora + head + overhead === total`. */
export interface MessageSizes {
  /** A and B, 4 bytes a number. */
  readonly lora: number;
  /** The head, 4 bytes a number. */
  readonly head: number;
  /** The rest: safetensors header, index lists, scores. */
  readonly overhead: number;
  /** The whole encoded message. */
  readonly total: number;
}

/** A message as it goes over the wire. */
export interface EncodedMessage {
  /** The whole message. */
  readonly bytes: Uint8Array;
  /** Where its bytes go. */
  readonly sizes: MessageSizes;
}

/** An opened message; reading a tensor takes it out, so what nobody asked for is left. */
export interface OpenMessage {
  /** Whom it concerns. */
  readonly address: MessageAddress;
  /** Its other metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensors not read yet. */
  readonly tensors: Map<string, SafetensorsTensor>;
}

/** The parts of a message. */
export interface MessageParts {
  /** A and B of the modules. */
  readonly lora: readonly SafetensorsInput[];
  /** The head. */
  readonly head: readonly NamedTensor[];
  /** Index lists and scores. */
  readonly lists: readonly SafetensorsInput[];
  /** Texts beside the address. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a message is and whom it concerns, as metadata. */
export function addressTexts(
  kind: MessageKind,
  { run, round, client }: Omit<MessageAddress, "client"> & Partial<MessageAddress>,
): Record<string, string> {
  return {
    kind,
    run,
    round: String(round),
    ...(client !== undefined && { client: String(client) }),
  };
}

/**
 * Opens a message of the expected kind.
 *
 * @throws {SafetensorsError} when the bytes are not safetensors.
 * @throws {MessageError} when its header is longer than one of this layout can be, it is of another kind or its address is not complete.
 */
export function openMessage(
  kind: MessageKind,
  bytes: Uint8Array,
  layout: Pick<AdapterLayout, "modules" | "head">,
): OpenMessage {
  const header = safetensorsHeaderLength(bytes, bytes.length);
  const longest = largestHeader(layout);
  if (header > longest) {
    throw new MessageError(
      `Cannot read the ${kind}: expected a header of at most ${longest} bytes, got ${header}`,
    );
  }
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.kind !== kind) {
    throw new MessageError(
      `Cannot read the ${kind}: expected kind "${kind}", got "${metadata.kind}"`,
    );
  }
  if (!metadata.run) throw new MessageError(`Cannot read the ${kind}: it names no run`);
  const address = {
    run: metadata.run,
    round: readWhole(metadata, "round"),
    client: readWhole(metadata, "client"),
  };
  return { address, metadata, tensors };
}

/**
 * A metadata text as a whole number of at least 0.
 *
 * @throws {MessageError} when it is absent or something else.
 */
export function readWhole(metadata: Readonly<Record<string, string>>, key: string): number {
  const number = /^\d{1,15}$/.test(metadata[key]) ? Number(metadata[key]) : NaN;
  if (Number.isNaN(number)) {
    throw new MessageError(
      `Cannot read the message: expected a whole ${key}, got "${metadata[key]}"`,
    );
  }
  return number;
}

/**
 * Takes a float tensor of a known shape out of a message.
 *
 * @throws {MessageError} when it is absent, of another number format, or of another shape.
 */
export function takeFloats(
  message: OpenMessage,
  name: string,
  shape: readonly number[],
): Float32Array {
  return toFloat32("F32", take(message, name, "F32", shape).bytes);
}

/**
 * Takes a module's list of components out of a message.
 *
 * @throws {MessageError} when it is absent, is longer than the rank, does not ascend, or names a component that does not exist.
 */
export function takeIndices(message: OpenMessage, module: string, rank: number): Uint32Array {
  const name = indicesName(module);
  const count = message.tensors.get(name)?.shape[0] ?? 0;
  if (count > rank) {
    throw new MessageError(
      `Cannot read tensor "${name}": expected at most ${rank} components, got ${count}`,
    );
  }
  const indices = new Uint32Array(new Uint8Array(take(message, name, "U32", [count]).bytes).buffer);
  if (!isIndexList(indices, rank)) {
    throw new MessageError(
      `Cannot read tensor "${name}": expected ascending components below ${rank}, got [${indices}]`,
    );
  }
  return indices;
}

/**
 * Takes all modules' lists of components out of a message; undefined when it has none, as it then concerns the head alone.
 *
 * @throws {MessageError} as {@linkcode takeIndices}, when some are there and one is not.
 */
export function takeIndexLists(
  message: OpenMessage,
  { modules, rank }: Pick<AdapterLayout, "modules" | "rank">,
): Uint32Array[] | undefined {
  if (!modules.some(({ name }) => message.tensors.has(indicesName(name)))) return undefined;
  return modules.map(({ name }) => takeIndices(message, name, rank));
}

/**
 * Takes `count` rows of a module's A out of a message.
 *
 * @throws {MessageError} as {@linkcode takeFloats}.
 */
export function takeA(
  message: OpenMessage,
  { name, inFeatures }: ModuleShape,
  count: number,
): Float32Array {
  return takeFloats(message, loraAName(name), [count, inFeatures]);
}

/**
 * Takes `count` columns of a module's B out of a message.
 *
 * @throws {MessageError} as {@linkcode takeFloats}.
 */
export function takeB(
  message: OpenMessage,
  { name, outFeatures }: ModuleShape,
  count: number,
): Float32Array {
  return takeFloats(message, loraBName(name), [outFeatures, count]);
}

/**
 * Takes the head out of a message, in the layout's order.
 *
 * @throws {MessageError} as {@linkcode takeFloats}.
 */
export function takeHead(message: OpenMessage, head: AdapterLayout["head"]): NamedTensor[] {
  return head.map(({ name, shape }) => ({
    name,
    shape: [...shape],
    data: takeFloats(message, name, shape),
  }));
}

/** @throws {MessageError} when a message holds a tensor that nobody asked for. */
export function refuseLeftovers({ tensors }: OpenMessage): void {
  for (const name of tensors.keys()) {
    throw new MessageError(`Cannot read the message: unexpected tensor "${name}"`);
  }
}

/** The index lists of all modules as tensors to write. */
export function indexTensors(
  modules: readonly ModuleShape[],
  indices: readonly Uint32Array[],
): SafetensorsInput[] {
  return modules.map(({ name }, m) => ({
    name: indicesName(name),
    shape: [indices[m].length],
    data: indices[m],
  }));
}

function take(
  { tensors }: OpenMessage,
  name: string,
  dtype: string,
  shape: readonly number[],
): SafetensorsTensor {
  const tensor = tensors.get(name);
  const expected = `${dtype} of shape [${shape.join(", ")}]`;
  const got = tensor ? `${tensor.dtype} of shape [${tensor.shape.join(", ")}]` : "none";
  if (!tensor || got !== expected) {
    throw new MessageError(`Cannot read tensor "${name}": expected ${expected}, got ${got}`);
  }
  tensors.delete(name);
  return tensor;
}
