/**
 * Fills an empty database from a backup.
 *
 * @module
 */

import { UserError } from "../../src/protocol/errors.ts";
import { type BackupRow, readBackup, type RowCounts } from "./backup_format.ts";
import type { Database, Queries } from "./database.ts";
import { tables } from "./migrations.ts";

/**
 * Restores a backup, of either kind of database, in one transaction.
 *
 * @returns how many rows of each table.
 * @throws {UserError} when the database holds anything, or the file is no whole backup; then nothing is written.
 */
export async function restore(database: Database, path: string): Promise<RowCounts> {
  await requireEmpty(database);
  // Read to its end first: a damaged file is refused before the database is touched.
  await readFile(path, async () => {});
  return await database.transaction("restore", async (transaction) => {
    await requireEmpty(transaction);
    const counts = await readFile(path, (row) => insert(transaction, row));
    if (database.kind === "postgres") await advanceNumbers(transaction);
    return counts;
  });
}

async function requireEmpty(queries: Queries): Promise<void> {
  for (const { name } of tables) {
    const rows = await queries.query(`SELECT 1 AS found FROM ${name} LIMIT 1`);
    if (rows.length > 0) {
      throw new UserError(
        "Cannot restore: the database already holds data; " +
          "give an empty one with --data-dir or --database",
      );
    }
  }
}

async function readFile(
  path: string,
  onRow: (row: BackupRow) => Promise<void>,
): Promise<RowCounts> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true });
  } catch (error) {
    throw new UserError(
      `Cannot read the backup ${JSON.stringify(path)}: ${(error as Error).message}`,
    );
  }
  return await readBackup(JSON.stringify(path), file.readable, onRow);
}

const inserts: ReadonlyMap<string, string> = new Map(
  tables.map(({ name, columns }) => {
    const places = columns.map((_, index) => `$${index + 1}`);
    return [name, `INSERT INTO ${name} (${columns.join(", ")}) VALUES (${places.join(", ")})`];
  }),
);

async function insert(queries: Queries, { table, values }: BackupRow): Promise<void> {
  await queries.query(inserts.get(table)!, values);
}

/** Rows that come with their number do not move PostgreSQL's counter; SQLite's follows. */
async function advanceNumbers(queries: Queries): Promise<void> {
  for (const { name } of tables.filter(({ numbered }) => numbered)) {
    await queries.query(
      `SELECT setval(pg_get_serial_sequence('${name}', 'id'), COALESCE(MAX(id), 1), ` +
        `MAX(id) IS NOT NULL) FROM ${name}`,
    );
  }
}
