/**
 * Large bodies as rows of at most 256 KiB: neither database streams a value, and a row this small neither blocks the thread nor fills the memory.
 * A blob comes into being in two parts: chunks that nothing refers to, stored as they arrive, and its completion in the transaction that refers to it.
 *
 * @module
 */

import { createHash } from "node:crypto";

import type { Database, Queries, Transaction } from "./database.ts";

/** Bytes of a full chunk. */
export const CHUNK_BYTES = 256 * 1024;

/** A complete blob. */
export interface BlobFacts {
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
}

/** A blob that is not there, or not as it was written: to read it again will not help. */
export class DamagedBlobError extends Error {
  /** The class's name, for logs. */
  override name = "DamagedBlobError";
}

/** Writes one blob, from its start to its end; one call at a time. */
export interface BlobWriter {
  readonly id: string;
  /** Bytes so far. */
  readonly size: number;
  /** Appends; the bytes may be reused afterwards. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * All bytes so far, before or after the blob is complete.
   *
   * @throws when its chunks were swept meanwhile.
   */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Completes the blob inside the caller's transaction; nothing may be written afterwards. May be called again when the transaction is.
   *
   * @throws when its chunks were swept meanwhile.
   */
  finish(transaction: Transaction): Promise<BlobFacts>;
  /** Deletes the chunks, unless the blob is complete. */
  abandon(): Promise<void>;
}

/**
 * Streams bytes into chunk rows nobody refers to yet. Full chunks are committed as they fill (step "store-chunk"); the last one waits for `finish`.
 *
 * @param now when, in milliseconds; an incomplete blob is swept by its age.
 */
export function createBlob(database: Database, now: number): BlobWriter {
  const id = `b${crypto.getRandomValues(new Uint8Array(16)).toHex()}`;
  const hash = createHash("sha256");
  // Grows up to a chunk: most updates of small adapters are far smaller, and there are many at a time.
  let buffer = new Uint8Array(4096);
  let filled = 0;
  let chunks = 0;
  let digest: string | undefined;

  const sizeNow = () => chunks * CHUNK_BYTES + filled;

  async function insertBlob(queries: Queries): Promise<void> {
    await queries.query(
      "INSERT INTO blobs (id, size, digest, created_at, complete) VALUES ($1, 0, '', $2, 0)",
      [id, now],
    );
  }

  async function storeFullChunk(): Promise<void> {
    await database.transaction("store-chunk", async (transaction) => {
      if (chunks === 0) await insertBlob(transaction);
      await insertChunk(transaction, id, chunks, buffer);
    });
    chunks++;
    filled = 0;
  }

  return {
    id,
    get size() {
      return sizeNow();
    },
    async write(bytes) {
      if (digest !== undefined) throw new Error(`Cannot write to blob "${id}": it is finished`);
      hash.update(bytes);
      for (let taken = 0; taken < bytes.length;) {
        if (filled === CHUNK_BYTES) await storeFullChunk();
        const part = bytes.subarray(taken, taken + CHUNK_BYTES - filled);
        if (filled + part.length > buffer.length) {
          const larger = new Uint8Array(Math.min(CHUNK_BYTES, 2 * (filled + part.length)));
          larger.set(buffer.subarray(0, filled));
          buffer = larger;
        }
        buffer.set(part, filled);
        filled += part.length;
        taken += part.length;
      }
    },
    async read() {
      const bytes = new Uint8Array(sizeNow());
      for (let seq = 0; seq < chunks; seq++) {
        const [row] = await database.query<{ bytes: Uint8Array }>(
          "SELECT bytes FROM blob_chunks WHERE blob = $1 AND seq = $2",
          [id, seq],
        );
        if (row === undefined) throw new Error(`Cannot read blob "${id}": it was swept`);
        bytes.set(row.bytes, seq * CHUNK_BYTES);
      }
      bytes.set(buffer.subarray(0, filled), chunks * CHUNK_BYTES);
      return bytes;
    },
    async finish(transaction) {
      digest ??= hash.digest("hex");
      const size = sizeNow();
      if (chunks === 0) await insertBlob(transaction);
      const [row] = await transaction.query(
        "UPDATE blobs SET size = $2, digest = $3, complete = 1 WHERE id = $1 AND complete = 0 " +
          "RETURNING id",
        [id, size, digest],
      );
      if (row === undefined) throw new Error(`Cannot finish blob "${id}": it was swept`);
      if (filled > 0) await insertChunk(transaction, id, chunks, buffer.subarray(0, filled));
      return { id, size, digest };
    },
    async abandon() {
      if (chunks === 0) return;
      await database.transaction("sweep", async (transaction) => {
        await transaction.query("DELETE FROM blobs WHERE id = $1 AND complete = 0", [id]);
      });
    },
  };
}

async function insertChunk(
  queries: Queries,
  blob: string,
  seq: number,
  bytes: Uint8Array,
): Promise<void> {
  await queries.query("INSERT INTO blob_chunks (blob, seq, bytes) VALUES ($1, $2, $3)", [
    blob,
    seq,
    bytes,
  ]);
}

/** A complete blob's chunks in order, checked against its digest at the end. */
async function* chunksOf(queries: Queries, facts: BlobFacts): AsyncGenerator<Uint8Array> {
  const { id, size, digest } = facts;
  const hash = createHash("sha256");
  let read = 0;
  for (let seq = 0; read < size; seq++) {
    const [row] = await queries.query<{ bytes: Uint8Array }>(
      "SELECT bytes FROM blob_chunks WHERE blob = $1 AND seq = $2",
      [id, seq],
    );
    if (row === undefined) {
      throw new DamagedBlobError(`Cannot read blob "${id}": expected ${size} bytes, got ${read}`);
    }
    hash.update(row.bytes);
    read += row.bytes.length;
    // A reader has room for no more.
    if (read <= size) yield row.bytes;
  }
  const actual = hash.digest("hex");
  if (read !== size || actual !== digest) {
    throw new DamagedBlobError(
      `Cannot read blob "${id}": expected ${size} bytes of SHA-256 ${digest}, got ${read} of ${actual}`,
    );
  }
}

/** What is known of a complete blob. @throws {DamagedBlobError} when there is none. */
async function requireBlob(queries: Queries, id: string): Promise<BlobFacts> {
  const [facts] = await queries.query<BlobFacts>(
    "SELECT id, size, digest FROM blobs WHERE id = $1 AND complete = 1",
    [id],
  );
  if (facts === undefined) {
    throw new DamagedBlobError(`Cannot read blob "${id}": there is no such blob`);
  }
  return facts;
}

/** A whole blob. @throws {DamagedBlobError} */
export async function readBlob(queries: Queries, id: string): Promise<Uint8Array<ArrayBuffer>> {
  const facts = await requireBlob(queries, id);
  const bytes = new Uint8Array(facts.size);
  let offset = 0;
  for await (const chunk of chunksOf(queries, facts)) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** A blob, chunk by chunk as it is asked for. It fails where {@linkcode readBlob} throws. */
export function streamBlob(queries: Queries, id: string): ReadableStream<Uint8Array> {
  async function* chunks() {
    yield* chunksOf(queries, await requireBlob(queries, id));
  }
  const source = chunks();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await source.return(undefined);
    },
  }, { highWaterMark: 0 });
}

/** Deletes a blob; rows that referred to it keep a null. */
export async function deleteBlob(transaction: Queries, id: string): Promise<void> {
  await transaction.query("DELETE FROM blobs WHERE id = $1", [id]);
}

/** Deletes blobs that were begun before `before` and never completed. @returns how many. */
export async function sweepIncompleteBlobs(transaction: Queries, before: number): Promise<number> {
  const swept = await transaction.query(
    "DELETE FROM blobs WHERE complete = 0 AND created_at < $1 RETURNING id",
    [before],
  );
  return swept.length;
}
