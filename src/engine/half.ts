/**
 * Half precision (IEEE 754 binary16) for frozen weights: 11 significant bits, magnitudes from 2⁻²⁴ to 65504. Needs Float16Array (ECMAScript 2025).
 *
 * Only finite numbers are stored, so that devices may convert without a thought for infinities and NaN.
 *
 * @module
 */

/** The largest finite half. */
export const LARGEST_HALF = 65504;

/** A weight does not fit into half precision. */
export class HalfRangeError extends RangeError {
  /** The class's name, for logs. */
  override name = "HalfRangeError";
}

/**
 * Throws unless numbers can be written from element `offset` of a buffer of `length` halves on: by whole words of two, each within half precision.
 *
 * @throws RangeError for a range that begins or ends within a word.
 * @throws HalfRangeError naming the buffer, the first number that does not fit, and its place.
 */
export function checkHalfWrite(
  buffer: string,
  length: number,
  data: Float32Array,
  offset: number,
): void {
  const end = offset + data.length;
  if (offset % 2 !== 0 || (end % 2 !== 0 && end !== length)) {
    throw new RangeError(
      `Cannot write "${buffer}": expected an even range of its ${length} halves, got [${offset}, ${end})`,
    );
  }
  const stray = data.findIndex((value) => !(Math.abs(value) <= LARGEST_HALF));
  if (stray < 0) return;
  throw new HalfRangeError(
    `Cannot store "${buffer}" in half precision: expected numbers from -${LARGEST_HALF} to ${LARGEST_HALF}, got ${
      data[stray]
    } at index ${stray}`,
  );
}

/** Halves, two a word with the earlier one in its low bits, rounded to nearest even; an odd last one stands beside a zero. */
export function packHalves(floats: Float32Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(floats.length / 2));
  new Float16Array(words.buffer).set(floats);
  return words;
}

/** The floats of `length` halves that begin at byte `offset`. */
export function unpackHalves(bytes: ArrayBuffer, offset: number, length: number): Float32Array {
  return new Float32Array(new Float16Array(bytes, offset, length));
}
