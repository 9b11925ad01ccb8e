/**
 * The bytes in which token ids are cached. Little-endian:
 * magic "HAFT", version, bytes per id (2 or 4), count (u32 each); `count` lengths (u32); all ids; SHA-256 of all before
 * it (32 bytes).
 *
 * @module
 */

import { sha256 } from "../protocol/hash.ts";

const magic = 0x54464148;
/** Raised when the format, the truncation or the tokenizer engine changes what is stored. */
export const tokenFormatVersion = 1;
const headerBytes = 16;
const digestBytes = 32;

/** Packs ids; 2 bytes an id where all are below 65,536. */
export async function packTokens(samples: readonly Uint32Array[]): Promise<Uint8Array> {
  const total = samples.reduce((sum, ids) => sum + ids.length, 0);
  const width = samples.every((ids) => ids.every((id) => id < 0x10000)) ? 2 : 4;
  const bytes = new Uint8Array(headerBytes + 4 * samples.length + width * total + digestBytes);
  const view = new DataView(bytes.buffer);
  [magic, tokenFormatVersion, width, samples.length].forEach((word, i) =>
    view.setUint32(4 * i, word, true)
  );
  let offset = headerBytes;
  for (const ids of samples) {
    view.setUint32(offset, ids.length, true);
    offset += 4;
  }
  for (const ids of samples) {
    for (const id of ids) {
      if (width === 2) view.setUint16(offset, id, true);
      else view.setUint32(offset, id, true);
      offset += width;
    }
  }
  bytes.set(await sha256(bytes.subarray(0, offset)), offset);
  return bytes;
}

/** Unpacks ids; undefined where the bytes are not what {@linkcode packTokens} wrote for `count` samples. */
export async function unpackTokens(
  bytes: Uint8Array,
  count: number,
): Promise<Uint32Array[] | undefined> {
  const end = bytes.length - digestBytes;
  if (end < headerBytes + 4 * count) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [mark, version, width, stored] = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  if (mark !== magic || version !== tokenFormatVersion || stored !== count) return undefined;
  const digest = await sha256(bytes.subarray(0, end));
  if (digest.some((byte, i) => byte !== bytes[end + i])) return undefined;
  let offset = headerBytes + 4 * count;
  const samples: Uint32Array[] = [];
  for (let i = 0; i < count; i++) {
    const ids = new Uint32Array(view.getUint32(headerBytes + 4 * i, true));
    for (let t = 0; t < ids.length; t++, offset += width) {
      ids[t] = width === 2 ? view.getUint16(offset, true) : view.getUint32(offset, true);
    }
    samples.push(ids);
  }
  return samples;
}
