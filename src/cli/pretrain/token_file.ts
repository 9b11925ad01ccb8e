/** A tokenized corpus in a file of unsigned 16- or 32-bit numbers, little-endian, read by ranges. @module */

import { UserError } from "../../protocol/errors.ts";
import type { TokenCorpus } from "../../pretrain/batches.ts";

/** Bytes of a token of a vocabulary of this many ids. */
export function tokenBytes(vocabulary: number): 2 | 4 {
  return vocabulary <= 0x10000 ? 2 : 4;
}

/** A corpus in an open file; dispose of it when done. */
export interface OpenCorpus extends TokenCorpus, Disposable {}

/**
 * Opens a token file.
 *
 * @throws UserError when it is missing or does not hold `length` tokens.
 */
export function openTokenFile(path: string, width: 2 | 4, length: number): OpenCorpus {
  const file = openFile(path);
  const { size } = file.statSync();
  if (size !== length * width) {
    file.close();
    throw new UserError(
      `Cannot read the tokenized corpus "${path}": expected ${length * width} bytes, got ${size}`,
    );
  }
  return {
    length,
    read(start, count) {
      const bytes = new Uint8Array(count * width);
      file.seekSync(start * width, Deno.SeekMode.Start);
      for (let filled = 0; filled < bytes.length;) {
        const read = file.readSync(bytes.subarray(filled));
        if (read === null) {
          throw new UserError(
            `Cannot read "${path}": expected ${count} tokens from ${start} on, got ${
              filled / width
            }`,
          );
        }
        filled += read;
      }
      return width === 2
        ? Uint32Array.from(new Uint16Array(bytes.buffer))
        : new Uint32Array(bytes.buffer);
    },
    [Symbol.dispose]: () => file.close(),
  };
}

function openFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (error) {
    throw new UserError(`Cannot read the tokenized corpus "${path}": ${(error as Error).message}`);
  }
}

/** Collects tokens and writes them in large pieces, to a temporary name until it is finished. */
export interface TokenWriter {
  write(tokens: ArrayLike<number>): Promise<void>;
  /** Gives the file its name. */
  finish(): Promise<void>;
  /** Removes what was written; does nothing once it is finished. */
  abandon(): Promise<void>;
}

const PIECE = 1 << 18;

/** Starts a token file. */
export async function createTokenFile(path: string, width: 2 | 4): Promise<TokenWriter> {
  const partial = `${path}.partial`;
  const file = await Deno.open(partial, { write: true, create: true, truncate: true });
  const piece = width === 2 ? new Uint16Array(PIECE) : new Uint32Array(PIECE);
  let filled = 0;
  let open = true;
  const flush = async (): Promise<void> => {
    const bytes = new Uint8Array(piece.buffer, 0, filled * width);
    for (let written = 0; written < bytes.length;) {
      written += await file.write(bytes.subarray(written));
    }
    filled = 0;
  };
  return {
    async write(tokens) {
      for (let start = 0; start < tokens.length;) {
        const end = Math.min(tokens.length, start + PIECE - filled);
        for (let i = start; i < end; i++) piece[filled++] = tokens[i];
        start = end;
        if (filled === PIECE) await flush();
      }
    },
    async finish() {
      await flush();
      await file.syncData();
      file.close();
      open = false;
      await Deno.rename(partial, path);
    },
    async abandon() {
      if (!open) return;
      open = false;
      file.close();
      await Deno.remove(partial).catch(() => {});
    },
  };
}
