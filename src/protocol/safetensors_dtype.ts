/**
 * Number formats of a safetensors file and their conversion to 32-bit floats.
 *
 * The format is little-endian, and so is every host that runs WebAssembly or WebGPU: bytes are reinterpreted, not swapped.
 *
 * @module
 */

import { UserError } from "./errors.ts";

/** The number formats this codec reads. */
export type SafetensorsDtype =
  | "F32"
  | "F16"
  | "BF16"
  | "F64"
  | "I64"
  | "I32"
  | "U32"
  | "I16"
  | "U16"
  | "I8"
  | "U8"
  | "BOOL";

/** A file or message that is not valid safetensors, or holds something this codec does not read. */
export class SafetensorsError extends UserError {
  /** The class's name, for logs. */
  override name = "SafetensorsError";
}

const widths: ReadonlyMap<string, number> = new Map<SafetensorsDtype, number>([
  ["F64", 8],
  ["I64", 8],
  ["F32", 4],
  ["I32", 4],
  ["U32", 4],
  ["F16", 2],
  ["BF16", 2],
  ["I16", 2],
  ["U16", 2],
  ["I8", 1],
  ["U8", 1],
  ["BOOL", 1],
]);

/** Whether `text` names a number format this codec reads. */
export function isSafetensorsDtype(text: string): text is SafetensorsDtype {
  return widths.has(text);
}

/** Bytes one number of this format takes. */
export function dtypeWidth(dtype: SafetensorsDtype): number {
  return widths.get(dtype)!;
}

/**
 * Converts the raw bytes of a tensor to 32-bit floats, in a buffer of its own.
 *
 * `bytes` may start at any address. 64-bit formats round to the nearest float; I64, I32 and U32 lose digits above 2^24.
 *
 * @throws {RangeError} when the bytes are not a whole count of numbers.
 *
 * @example
 * ```ts
 * import { toFloat32 } from "./safetensors.ts";
 * const [one] = toFloat32("BF16", new Uint8Array([0x80, 0x3f]));
 * if (one !== 1) throw new Error("0x3f80 is 1 in bfloat16");
 * ```
 */
export function toFloat32(dtype: SafetensorsDtype, bytes: Uint8Array): Float32Array {
  const width = dtypeWidth(dtype);
  if (bytes.length % width !== 0) {
    throw new RangeError(
      `Cannot convert ${dtype} to floats: expected a multiple of ${width} bytes, got ${bytes.length}`,
    );
  }
  // A typed array must start at a multiple of its width, which a view into a file need not: copy first.
  const buffer = new Uint8Array(bytes).buffer;
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return new Float32Array(new Float64Array(buffer));
    case "F16":
      return halfToFloat32(new Uint16Array(buffer));
    case "BF16":
      return bfloatToFloat32(new Uint16Array(buffer));
    case "I64":
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case "I32":
      return new Float32Array(new Int32Array(buffer));
    case "U32":
      return new Float32Array(new Uint32Array(buffer));
    case "I16":
      return new Float32Array(new Int16Array(buffer));
    case "U16":
      return new Float32Array(new Uint16Array(buffer));
    case "I8":
      return new Float32Array(new Int8Array(buffer));
    case "U8":
    case "BOOL":
      return new Float32Array(new Uint8Array(buffer));
    default:
      return dtype satisfies never;
  }
}

/** bfloat16 is the upper half of a float. */
function bfloatToFloat32(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits. */
function halfToFloat32(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const sign = (halves[i] & 0x8000) << 16;
    const magnitude = halves[i] & 0x7fff;
    if (magnitude >= 0x7c00) {
      bits[i] = sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
    } else if (magnitude >= 0x0400) {
      bits[i] = sign | ((magnitude << 13) + ((127 - 15) << 23));
    } else {
      floats[i] = magnitude * 2 ** -24;
      bits[i] |= sign;
    }
  }
  return floats;
}

/** Floats as IEEE 754 binary16, rounded to nearest even; what is beyond its range becomes infinite. Needs Float16Array (ECMAScript 2025). */
export function toHalf(floats: Float32Array): Uint16Array {
  return new Uint16Array(new Float16Array(floats).buffer);
}

/** Floats as bfloat16, rounded to nearest even; what is beyond its range becomes infinite, and no NaN becomes anything else. */
export function toBfloat(floats: Float32Array): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  return Uint16Array.from(bits, (word) => {
    // The rounding below would carry some NaN into the sign bit.
    if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}
