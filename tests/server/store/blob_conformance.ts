/** Blobs in rows. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import {
  CHUNK_BYTES,
  createBlob,
  deleteBlob,
  readBlob,
  streamBlob,
  sweepIncompleteBlobs,
} from "../../../server/store/blobs.ts";
import type { Database, SqlValue } from "../../../server/store/database.ts";
import { insertRun } from "./rows.ts";
import type { StoreKind } from "./stores.ts";

/** Bytes that differ from chunk to chunk. */
function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

async function storeBlob(database: Database, bytes: Uint8Array, part = bytes.length) {
  const writer = createBlob(database, 0);
  for (let start = 0; start < bytes.length; start += part) {
    await writer.write(bytes.subarray(start, start + part));
  }
  return await database.transaction("attach-bank", (transaction) => writer.finish(transaction));
}

async function chunkSizes(database: Database, blob: string): Promise<number[]> {
  const rows = await database.query<{ size: number }>(
    "SELECT LENGTH(bytes) AS size FROM blob_chunks WHERE blob = $1 ORDER BY seq",
    [blob],
  );
  return rows.map(({ size }) => size);
}

async function countOf(database: Database, table: string): Promise<number> {
  const [{ n }] = await database.query<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`);
  return n;
}

/** Defines the tests. */
export function testBlobs({ test }: StoreKind): void {
  test("createBlob() stores any size in chunks of at most 256 KiB", async ({ open }) => {
    const database = await open();
    const full = CHUNK_BYTES;
    const cases: [number, number[]][] = [
      [0, []],
      [1, [1]],
      [full - 1, [full - 1]],
      [full, [full]],
      [full + 1, [full, 1]],
      [3 * full, [full, full, full]],
    ];
    for (const [length, sizes] of cases) {
      const bytes = bytesOf(length);
      const { id, size, digest } = await storeBlob(database, bytes);
      assert.equal(size, length);
      assert.equal(digest, createHash("sha256").update(bytes).digest("hex"));
      assert.deepEqual(await chunkSizes(database, id), sizes);
      assert.deepEqual(await readBlob(database, id), bytes);
    }
  });

  test("write() takes pieces of any length, which may be reused", async ({ open }) => {
    const database = await open();
    const bytes = bytesOf(2 * CHUNK_BYTES + 10);
    const writer = createBlob(database, 0);
    const piece = new Uint8Array(100_003);
    for (let start = 0; start < bytes.length; start += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, bytes.length - start));
      part.set(bytes.subarray(start, start + part.length));
      await writer.write(part);
      piece.fill(0);
    }
    assert.equal(writer.size, bytes.length);
    assert.deepEqual(await writer.read(), bytes, "before it is finished");
    const { id } = await database.transaction("attach-bank", writer.finish);
    assert.equal(id, writer.id);
    assert.deepEqual(await readBlob(database, id), bytes);
    assert.deepEqual(await writer.read(), bytes, "and after");
    await assert.rejects(writer.write(new Uint8Array(1)), /it is finished/);
  });

  test("write() commits each full chunk once more bytes come", async ({ open }) => {
    const told: string[] = [];
    const database = await open({
      onStep: (step, moment) => moment === "after" && told.push(step),
    });
    told.length = 0;
    const writer = createBlob(database, 0);
    await writer.write(new Uint8Array(CHUNK_BYTES));
    assert.deepEqual(told, []);
    await writer.write(new Uint8Array(CHUNK_BYTES + 1));
    assert.deepEqual(told, ["store-chunk", "store-chunk"]);
    await database.transaction("accept-update", writer.finish);
    assert.deepEqual(told, ["store-chunk", "store-chunk", "accept-update"]);
  });

  test("finish() completes the blob with the caller's transaction or not at all", async ({ open }) => {
    const database = await open();
    for (const length of [5, CHUNK_BYTES + 5]) {
      const bytes = bytesOf(length);
      const writer = createBlob(database, 0);
      await writer.write(bytes);
      const undone = database.transaction("attach-bank", async (transaction) => {
        await writer.finish(transaction);
        throw new Error("undone");
      });
      await assert.rejects(undone, /undone/);
      await assert.rejects(readBlob(database, writer.id), /there is no such blob/);
      await database.transaction("attach-bank", writer.finish);
      assert.deepEqual(await readBlob(database, writer.id), bytes, "it may be finished again");
    }
  });

  test("abandon() deletes what was stored, but no complete blob", async ({ open }) => {
    const database = await open();
    const writer = createBlob(database, 0);
    await writer.write(new Uint8Array(2 * CHUNK_BYTES));
    assert.equal(await countOf(database, "blob_chunks"), 1);
    await writer.abandon();
    assert.equal(await countOf(database, "blob_chunks"), 0);
    assert.equal(await countOf(database, "blobs"), 0);

    const kept = createBlob(database, 0);
    await kept.write(bytesOf(CHUNK_BYTES + 1));
    await database.transaction("attach-bank", kept.finish);
    await kept.abandon();
    assert.deepEqual(await readBlob(database, kept.id), bytesOf(CHUNK_BYTES + 1));
  });

  test("sweepIncompleteBlobs() deletes old blobs that were never completed", async ({ open }) => {
    const database = await open();
    const writers = [10, 20].map((now) => createBlob(database, now));
    for (const writer of writers) await writer.write(new Uint8Array(CHUNK_BYTES + 1));
    const { id } = await storeBlob(database, bytesOf(3));
    const sweep = () =>
      database.transaction("sweep", (transaction) => sweepIncompleteBlobs(transaction, 20));
    assert.equal(await sweep(), 1);
    assert.equal(await sweep(), 0);
    const late = database.transaction("accept-update", writers[0].finish);
    await assert.rejects(late, /it was swept/);
    await assert.rejects(writers[0].read(), /it was swept/);
    await database.transaction("accept-update", writers[1].finish);
    assert.deepEqual(await readBlob(database, id), bytesOf(3));
  });

  test("streamBlob() gives chunk by chunk, as it is read", async ({ open }) => {
    const database = await open();
    const bytes = bytesOf(2 * CHUNK_BYTES + 7);
    const { id } = await storeBlob(database, bytes);
    let statements = 0;
    const counting: Pick<Database, "query"> = {
      query(sql, parameters) {
        statements++;
        return database.query(sql, parameters);
      },
    };
    const reader = streamBlob(counting, id).getReader();
    assert.equal(statements, 0);
    assert.equal((await reader.read()).value!.length, CHUNK_BYTES);
    assert.equal(statements, 2, "the blob and one chunk");
    await reader.cancel();
    assert.equal(statements, 2);
    const whole = await new Response(streamBlob(database, id)).bytes();
    assert.deepEqual(whole, bytes);
    const empty = await storeBlob(database, new Uint8Array());
    assert.equal((await new Response(streamBlob(database, empty.id)).bytes()).length, 0);
  });

  test("readBlob() refuses a blob that is gone, cut short or changed", async ({ open }) => {
    const database = await open();
    await assert.rejects(readBlob(database, "b0"), /Cannot read blob "b0": there is no such blob/);
    await assert.rejects(new Response(streamBlob(database, "b0")).bytes(), /no such blob/);
    const spoil = async (sql: string, parameters: SqlValue[]) => {
      const { id } = await storeBlob(database, bytesOf(CHUNK_BYTES + 2));
      await database.transaction(
        "sweep",
        (transaction) =>
          transaction.query(`${sql} WHERE blob = $1 AND seq = 1`, [id, ...parameters]),
      );
      return id;
    };
    const short = await spoil("DELETE FROM blob_chunks", []);
    await assert.rejects(readBlob(database, short), /expected 262146 bytes, got 262144/);
    const changed = await spoil("UPDATE blob_chunks SET bytes = $2", [new Uint8Array(2)]);
    await assert.rejects(readBlob(database, changed), /expected 262146 bytes of SHA-256/);
    await assert.rejects(new Response(streamBlob(database, changed)).bytes(), /of SHA-256/);
    const longer = await spoil("UPDATE blob_chunks SET bytes = $2", [new Uint8Array(3)]);
    await assert.rejects(readBlob(database, longer), /expected 262146 bytes/);
  });

  test("deleteBlob() takes the chunks along and leaves a null where it was referred to", async ({ open }) => {
    const database = await open();
    const { id } = await storeBlob(database, bytesOf(CHUNK_BYTES + 1));
    await database.transaction("attach-bank", async (transaction) => {
      await insertRun(transaction, "r");
      await transaction.query(
        "INSERT INTO banks (run, rounds, blob, digest, record, published_at) VALUES ('r', 0, $1, '', '{}', 0)",
        [id],
      );
    });
    await database.transaction("sweep", (transaction) => deleteBlob(transaction, id));
    assert.equal(await countOf(database, "blob_chunks"), 0);
    assert.deepEqual(await database.query("SELECT run, blob FROM banks"), [
      { run: "r", blob: null },
    ]);
  });

  test("rows refer to blobs and runs that exist", async ({ open }) => {
    const database = await open();
    const orphan = database.transaction("attach-bank", (transaction) =>
      transaction.query(
        "INSERT INTO models (hash, path, size, blob) VALUES ('h', 'p', 1, 'b0')",
      ));
    await assert.rejects(orphan, /foreign key/i);
  });
}
