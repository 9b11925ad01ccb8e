/**
 * A data file before its columns have a meaning: numbered rows of named fields.
 *
 * @module
 */

import { DataError } from "./errors.ts";

/** One row of a file. */
export interface Row {
  /** Line of the file on which the row begins, counted from 1. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Decodes a file as UTF-8, dropping a byte order mark.
 *
 * @throws {DataError} naming the first line that is not UTF-8.
 */
export function decodeText(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) {
      throw new DataError(
        `Cannot read "${name}": it is larger than the 512 MB of text a file may hold`,
      );
    }
    throw new DataError(
      `Cannot read "${name}": expected UTF-8 text, got other bytes on line ${firstBadLine(bytes)}`,
    );
  }
}

/** Line feeds never occur inside a multi-byte character, so every line can be tried alone. */
function firstBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const feed = bytes.indexOf(0x0a, start);
    const end = feed < 0 ? bytes.length : feed;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      break;
    }
    start = end + 1;
  }
  return line;
}

/**
 * Unpacks gzip.
 *
 * @throws {DataError} where the bytes are not gzip or end early.
 */
export async function gunzip(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  try {
    const unpacked = packed.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(unpacked).arrayBuffer());
  } catch {
    throw new DataError(`Cannot unpack "${name}": expected a complete gzip file`);
  }
}
