/**
 * Safetensors files in memory: a JSON header, then raw little-endian tensors. Nothing in them is executable.
 *
 * @module
 */

import { cellCount } from "./cell_count.ts";
import type { SafetensorsDtype } from "./safetensors_dtype.ts";
import { parseSafetensorsHeader } from "./safetensors_header.ts";
import { planSafetensors } from "./safetensors_plan.ts";

export { type SafetensorsDtype, SafetensorsError, toFloat32 } from "./safetensors_dtype.ts";
export {
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  safetensorsHeaderLength,
} from "./safetensors_header.ts";

/** A tensor of a decoded file; `bytes` is a view into the file, at any address. */
export interface SafetensorsTensor {
  /** Number format. */
  readonly dtype: SafetensorsDtype;
  /** Row-major shape; empty for a scalar. */
  readonly shape: readonly number[];
  /** The raw little-endian numbers. */
  readonly bytes: Uint8Array;
}

/** Numbers that can be written. */
export type SafetensorsArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** A tensor to write. */
export interface SafetensorsInput {
  /** Unique within the file. */
  readonly name: string;
  /** Row-major shape; empty for a scalar. */
  readonly shape: readonly number[];
  /** The numbers, one per cell. */
  readonly data: SafetensorsArray;
  /** For formats without an array kind of their own: F16 and BF16 as Uint16Array, BOOL as Uint8Array. */
  readonly dtype?: "F16" | "BF16" | "BOOL";
}

/**
 * Decodes a whole file. The tensors are views: nothing is copied.
 *
 * @throws {SafetensorsError} as {@linkcode parseSafetensorsHeader}.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
): { tensors: Map<string, SafetensorsTensor>; metadata: Record<string, string> } {
  const { entries, metadata, dataOffset } = parseSafetensorsHeader(bytes, bytes.length);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, { dtype, shape, start, end }] of entries) {
    tensors.set(name, {
      dtype,
      shape,
      bytes: bytes.subarray(dataOffset + start, dataOffset + end),
    });
  }
  return { tensors, metadata };
}

/**
 * Encodes tensors and free-form texts as a file.
 *
 * The same content gives the same bytes whatever the order of the arguments: tensors go by number width, widest first (so that each is
 * aligned), then by name, as in the reference writer; metadata goes by key. The header is padded with spaces to 8 bytes.
 *
 * @throws {SafetensorsError} when two tensors share a name, or one is named `__metadata__`.
 * @throws {RangeError} when a tensor's numbers do not fill its shape.
 *
 * @example
 * ```ts
 * import { decodeSafetensors, encodeSafetensors, toFloat32 } from "./safetensors.ts";
 * const file = encodeSafetensors([{ name: "bias", shape: [2], data: new Float32Array([1, 2]) }], { round: "3" });
 * const { tensors, metadata } = decodeSafetensors(file);
 * const bias = tensors.get("bias")!;
 * if (toFloat32(bias.dtype, bias.bytes)[1] !== 2 || metadata.round !== "3") throw new Error("unreachable");
 * ```
 */
export function encodeSafetensors(
  tensors: readonly SafetensorsInput[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { head, tensors: inOrder, size } = planSafetensors(
    tensors.map((tensor) => ({ ...tensor, dtype: safetensorsDtype(tensor) })),
    metadata,
  );
  const file = new Uint8Array(size);
  file.set(head);
  let offset = head.length;
  for (const { data } of inOrder) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

/**
 * The format that a tensor is written in: its own, or that of its numbers.
 *
 * @throws {RangeError} when its numbers do not fill its shape.
 * @throws {TypeError} when its own format cannot be carried by them.
 */
export function safetensorsDtype({ name, shape, data, dtype }: SafetensorsInput): SafetensorsDtype {
  const count = cellCount(shape);
  if (data.length !== count) {
    throw new RangeError(
      `Cannot write tensor "${name}": expected ${count} numbers for shape [${
        shape.join(", ")
      }], got ${data.length}`,
    );
  }
  const own = dtypeOf(data);
  if (dtype === undefined) return own;
  const carrier = dtype === "BOOL" ? "U8" : "U16";
  if (own !== carrier) {
    throw new TypeError(
      `Cannot write tensor "${name}" as ${dtype}: expected ${carrier} numbers, got ${own}`,
    );
  }
  return dtype;
}

function dtypeOf(data: SafetensorsArray): SafetensorsDtype {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Float64Array) return "F64";
  if (data instanceof BigInt64Array) return "I64";
  if (data instanceof Int32Array) return "I32";
  if (data instanceof Uint32Array) return "U32";
  if (data instanceof Int16Array) return "I16";
  if (data instanceof Uint16Array) return "U16";
  if (data instanceof Int8Array) return "I8";
  if (data instanceof Uint8Array) return "U8";
  return data satisfies never;
}
