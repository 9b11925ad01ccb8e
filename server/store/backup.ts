/**
 * Copies everything a database holds to a file, while the server goes on.
 *
 * @module
 */

import { UserError } from "../../src/protocol/errors.ts";
import { backupLines, type BackupRow, noRows, type RowCounts } from "./backup_format.ts";
import type { Database, Queries, SqlRow } from "./database.ts";
import { type TableLayout, tables } from "./migrations.ts";

/** Rows read at a time: those of blobs are up to 256 KiB each. */
const pageRows = (table: TableLayout) => table.name === "blob_chunks" ? 4 : 256;

async function* rowsOf(queries: Queries, table: TableLayout): AsyncGenerator<SqlRow> {
  const { name, columns, key } = table;
  const keys = key.join(", ");
  const places = key.map((_, index) => `$${index + 1}`).join(", ");
  const select = `SELECT ${columns.join(", ")} FROM ${name}`;
  const order = `ORDER BY ${keys} LIMIT ${pageRows(table)}`;
  let last: SqlRow | undefined;
  while (true) {
    const rows = last === undefined
      ? await queries.query(`${select} ${order}`)
      : await queries.query(
        `${select} WHERE (${keys}) > (${places}) ${order}`,
        key.map((column) => last![column]),
      );
    if (rows.length === 0) return;
    yield* rows;
    last = rows.at(-1);
  }
}

async function* allRows(queries: Queries): AsyncGenerator<BackupRow> {
  for (const table of tables) {
    for await (const row of rowsOf(queries, table)) {
      yield { table: table.name, values: table.columns.map((column) => row[column]) };
    }
  }
}

/**
 * Writes all rows, as they are at one moment, to a file that is there whole or not at all. Whatever stood there is replaced.
 *
 * @returns how many rows of each table.
 * @throws {UserError} when the file cannot be written.
 */
export async function backup(database: Database, path: string): Promise<RowCounts> {
  const partial = `${path}.partial`;
  const counts = noRows();
  try {
    await writePartial(database, partial, counts);
    await Deno.rename(partial, path);
    return counts;
  } catch (error) {
    await Deno.remove(partial).catch(() => {});
    if (!isFileError(error)) throw error;
    throw new UserError(
      `Cannot write the backup ${JSON.stringify(path)}: ${(error as Error).message}`,
    );
  }
}

async function writePartial(
  database: Database,
  path: string,
  counts: Record<string, number>,
): Promise<void> {
  // Only for its owner: updates of clients are in it.
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
  await database.snapshot(async (queries) => {
    const compressed = ReadableStream.from(backupLines(allRows(queries), counts))
      .pipeThrough(new TextEncoderStream())
      .pipeThrough(new CompressionStream("gzip"));
    for await (const bytes of compressed) await writeAll(file, bytes);
  });
  await file.sync();
}

/** `pipeTo(file.writable, { preventClose: true })` would resolve before all is written (Deno 2.9). */
async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

function isFileError(error: unknown): boolean {
  return Object.values(Deno.errors).some((kind) => error instanceof kind);
}
