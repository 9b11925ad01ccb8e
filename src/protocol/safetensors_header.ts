/**
 * The header of a safetensors file, read with distrust: 8 bytes of length N, N bytes of JSON, then the tensors' bytes.
 *
 * Format: https://github.com/huggingface/safetensors#format. As in its reference reader, the tensors must cover the data section
 * exactly, without overlap or hole, so that one file has one meaning and nothing can hide between tensors.
 *
 * @module
 */

import { cellCount } from "./cell_count.ts";
import { repeatedKey } from "./repeated_key.ts";
import {
  dtypeWidth,
  isSafetensorsDtype,
  type SafetensorsDtype,
  SafetensorsError,
} from "./safetensors_dtype.ts";

/** Where one tensor lies: `start` and `end` are bytes relative to the data section. */
export interface SafetensorsEntry {
  /** Number format. */
  readonly dtype: SafetensorsDtype;
  /** Row-major shape; empty for a scalar. */
  readonly shape: readonly number[];
  /** First byte, counted from the data section's start. */
  readonly start: number;
  /** One past the last byte, counted from the data section's start. */
  readonly end: number;
}

/** A parsed header: `dataOffset` (8 + header length) is the file position at which the data section starts. */
export interface SafetensorsHeader {
  /** By tensor name. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** The free-form texts under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Byte position of the data section in the file. */
  readonly dataOffset: number;
}

/** The reference reader's own limit; it keeps a hostile length from being read into memory. */
const longestHeader = 100_000_000;

/**
 * Reads the header's length N in bytes from the first 8 bytes of a file of `fileSize` bytes.
 *
 * @throws {SafetensorsError} when the file is shorter than its header says, or the length is above 100 MB.
 */
export function safetensorsHeaderLength(head: Uint8Array, fileSize: number): number {
  if (fileSize < 8 || head.length < 8) {
    const size = Math.min(fileSize, head.length);
    throw new SafetensorsError(`Cannot read safetensors: expected at least 8 bytes, got ${size}`);
  }
  const length = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(longestHeader)) {
    throw new SafetensorsError(
      `Cannot read safetensors: expected a header of at most ${longestHeader} bytes, got ${length}`,
    );
  }
  if (Number(length) > fileSize - 8) {
    throw new SafetensorsError(
      `Cannot read safetensors: header is longer than the file: expected ${length} bytes, got ${
        fileSize - 8
      }`,
    );
  }
  return Number(length);
}

/**
 * Parses and checks a header. `head` holds at least the first 8 + N bytes of a file of `fileSize` bytes.
 *
 * @throws {SafetensorsError} on a truncated file, a header longer than the file, bad JSON, a duplicate name, an unknown dtype, a size
 * that does not match the shape, and on overlapping, out-of-range or missing bytes.
 * @throws {RangeError} when `head` was cut before the header's end.
 */
export function parseSafetensorsHeader(head: Uint8Array, fileSize: number): SafetensorsHeader {
  const dataOffset = 8 + safetensorsHeaderLength(head, fileSize);
  if (head.length < dataOffset) {
    throw new RangeError(
      `Cannot parse the safetensors header: expected its first ${dataOffset} bytes, got ${head.length}`,
    );
  }
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of parseJson(head.subarray(8, dataOffset))) {
    if (name === "__metadata__") metadata = readMetadata(value);
    else entries.set(name, readEntry(name, value));
  }
  checkLayout(entries, fileSize - dataOffset);
  return { entries, metadata, dataOffset };
}

function parseJson(bytes: Uint8Array): [string, unknown][] {
  let text: string;
  let parsed: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new SafetensorsError("Cannot read safetensors: header is not valid JSON", { cause });
  }
  if (!isObject(parsed)) {
    throw new SafetensorsError("Cannot read safetensors: header is not a JSON object");
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) {
    throw new SafetensorsError(`Cannot read safetensors: duplicate name "${twice}" in the header`);
  }
  return Object.entries(parsed);
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isObject(value) || Object.values(value).some((text) => typeof text !== "string")) {
    throw new SafetensorsError(
      "Cannot read safetensors: expected __metadata__ to map names to texts",
    );
  }
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown): SafetensorsEntry {
  const fail = (problem: string): never => {
    throw new SafetensorsError(`Cannot read safetensors tensor "${name}": ${problem}`);
  };
  if (!isObject(value)) return fail("expected an object with dtype, shape and data_offsets");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !isSafetensorsDtype(dtype)) {
    return fail(`unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!isSizes(shape)) {
    return fail(`expected a shape of whole numbers, got ${JSON.stringify(shape)}`);
  }
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[1] < offsets[0]) {
    return fail(`expected data_offsets [start, end], got ${JSON.stringify(offsets)}`);
  }
  const [start, end] = offsets;
  const expected = dtypeWidth(dtype) * cellCount(shape);
  if (end - start !== expected) {
    return fail(
      `expected ${expected} bytes for ${dtype} of shape [${shape.join(", ")}], got ${end - start}`,
    );
  }
  return { dtype, shape, start, end };
}

function checkLayout(entries: ReadonlyMap<string, SafetensorsEntry>, dataSize: number): void {
  const inOrder = [...entries].sort(([, x], [, y]) => x.start - y.start || x.end - y.end);
  let position = 0;
  for (const [name, { start, end }] of inOrder) {
    if (end > dataSize) {
      throw new SafetensorsError(
        `Cannot read safetensors tensor "${name}": it ends at data byte ${end}, ` +
          `but the file holds ${dataSize} data bytes (truncated?)`,
      );
    }
    if (start !== position) {
      const problem = start < position
        ? "it overlaps another tensor"
        : "bytes before it belong to no tensor";
      throw new SafetensorsError(
        `Cannot read safetensors tensor "${name}": ${problem}: expected it to start at data byte ${position}, got ${start}`,
      );
    }
    position = end;
  }
  if (position !== dataSize) {
    throw new SafetensorsError(
      `Cannot read safetensors: expected ${position} data bytes, got ${dataSize}`,
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
