/**
 * Brings a database to the schema this version knows.
 *
 * @module
 */

import { UserError } from "../../src/protocol/errors.ts";
import type { Database, Queries } from "./database.ts";
import { dialects, latestSchema as latest, migrations } from "./migrations.ts";

/** Schema of a database; 0 when it holds nothing of ours. */
export async function schemaOf(queries: Queries, kind: Database["kind"]): Promise<number> {
  const [meta] = await queries.query(
    kind === "sqlite"
      ? "SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = 'meta'"
      : "SELECT 1 AS found FROM information_schema.tables " +
        "WHERE table_schema = current_schema() AND table_name = 'meta'",
  );
  if (meta === undefined) return 0;
  const rows = await queries.query<{ value: string }>(
    "SELECT value FROM meta WHERE key = 'schema'",
  );
  return rows.length === 0 ? 0 : Number(rows[0].value);
}

/** @throws {UserError} unless the database has the schema this version knows. */
export async function requireSchema(database: Database, place: string): Promise<void> {
  const schema = await schemaOf(database, database.kind);
  if (schema > latest) throw newer(place, schema);
  if (schema === 0) throw new UserError(`Cannot open the data in ${place}: it holds none`);
  if (schema < latest) {
    throw new UserError(
      `Cannot open the data in ${place}: it was written by an older version (schema ${schema}, ` +
        `this one knows ${latest}); start the server once to bring it up to date`,
    );
  }
}

/**
 * Applies the changes a database lacks, each in a transaction.
 *
 * @param place names the database in errors, in quotation marks.
 * @throws {UserError} when the database is of a newer version.
 */
export async function migrate(database: Database, place: string): Promise<void> {
  const { kind } = database;
  for (let schema = await schemaOf(database, kind);;) {
    if (schema > latest) throw newer(place, schema);
    if (schema === latest) return;
    schema = await database.transaction("migrate", async (transaction) => {
      // Servers that start at the same time wait here for each other.
      if (kind === "postgres") await transaction.query("SELECT pg_advisory_xact_lock(4841464)");
      const now = await schemaOf(transaction, kind);
      if (now >= latest) return now;
      if (now === 0) {
        const { text, end } = dialects[kind];
        await transaction.query(
          `CREATE TABLE meta (key ${text} PRIMARY KEY, value ${text} NOT NULL) ${end}`,
        );
      }
      for (const statement of migrations[now](dialects[kind])) await transaction.query(statement);
      await transaction.query(
        "INSERT INTO meta (key, value) VALUES ('schema', $1) " +
          "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [`${now + 1}`],
      );
      return now + 1;
    });
  }
}

function newer(place: string, schema: number): UserError {
  return new UserError(
    `Cannot open the data in ${place}: it was written by a newer version (schema ${schema}, ` +
      `this one knows ${latest}); update the server or use another --data-dir or --database`,
  );
}
