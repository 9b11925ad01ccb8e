/**
 * Weights as whole numbers of a byte, symmetric and without an offset: a row of a matrix (its last axis) has one f32 scale, max|w| / 127, and w is stored as
 * the nearest whole multiple of it, at most half a scale away.
 *
 * In a device's memory the numbers lie four a word, the earlier ones in its low bits, and the scales behind the last word.
 *
 * @module
 */

import { type BufferSpec, elementsBytes } from "./program.ts";

/** The largest whole number in use. */
const LARGEST_INT8 = 127;

/** The least normal f32: devices may take what is smaller for zero. */
const LEAST_SCALE = 2 ** -126;

/** A matrix as a device holds it: the number at i stands for values[i] · scales[row of i]. */
export interface Int8Rows {
  readonly values: Int8Array;
  /** One a row. */
  readonly scales: Float32Array;
}

/** Whether a weight is stored as such. */
export function isInt8Rows(weight: ArrayBufferView | Int8Rows): weight is Int8Rows {
  return "scales" in weight;
}

/** The word where the scales of a buffer of `length` numbers begin. */
export function firstScale(length: number): number {
  return elementsBytes("int8", length) / 4;
}

/**
 * Throws unless numbers can be written from element `offset` of a buffer on: whole rows, whole words of four, all of them finite.
 *
 * @throws RangeError naming the buffer, and the range or the first number that is refused.
 */
export function checkRowWrite(
  { name, length, width }: Pick<BufferSpec, "name" | "length" | "width">,
  data: Float32Array,
  offset: number,
): void {
  const end = offset + data.length;
  const whole = (at: number) => at === length || (at % 4 === 0 && at % width! === 0);
  if (!whole(offset) || !whole(end)) {
    throw new RangeError(
      `Cannot write "${name}": expected whole rows of ${width} that are whole words of 4 too, got [${offset}, ${end}) of ${length}`,
    );
  }
  const stray = data.findIndex((value) => !Number.isFinite(value));
  if (stray < 0) return;
  throw new RangeError(
    `Cannot store "${name}" as int8: expected finite numbers, got ${data[stray]} at index ${stray}`,
  );
}

/** Rounds whole rows of finite numbers, into the elements and the scales given. A row too small for a normal scale becomes zeros. */
export function quantizeRows(
  data: Float32Array,
  width: number,
  values: Int8Array,
  scales: Float32Array,
): void {
  for (let row = 0, start = 0; start < data.length; row++, start += width) {
    let largest = 0;
    for (let i = start; i < start + width; i++) largest = Math.max(largest, Math.abs(data[i]));
    const scale = Math.fround(largest / LARGEST_INT8);
    const normal = scale >= LEAST_SCALE;
    scales[row] = normal ? scale : 0;
    for (let i = start; i < start + width; i++) {
      values[i] = normal ? Math.round(data[i] / scale) : 0;
    }
  }
}

/** Whole rows of finite numbers as words and scales. */
export function packInt8(
  data: Float32Array,
  width: number,
): { words: Uint32Array; scales: Float32Array } {
  const words = new Uint32Array(firstScale(data.length));
  const scales = new Float32Array(data.length / width);
  quantizeRows(data, width, new Int8Array(words.buffer), scales);
  return { words, scales };
}

/** The floats that numbers stand for, of which the first stands at `offset` of the rows that the scales are of. */
export function dequantize(
  values: Int8Array,
  scales: Float32Array,
  width: number,
  offset = 0,
): Float32Array {
  return Float32Array.from(values, (value, i) => value * scales[Math.floor((offset + i) / width)]);
}
