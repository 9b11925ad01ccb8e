/**
 * Statements of one SQLite connection, prepared once.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";

import type { Queries, SqlRow, SqlValue } from "./database.ts";
import { checkParameters } from "./parameters.ts";

/** More than the server has, so that only a caller that builds statements from data would lose some. */
const cachedStatements = 500;

interface Prepared {
  readonly statement: StatementSync;
  readonly parameters: number;
}

function prepare(connection: DatabaseSync, sql: string): Prepared {
  let parameters = 0;
  // SQLite takes $1 for a name; ?1 is its first parameter.
  const text = sql.replace(/\$(\d+)/g, (_, place: string) => {
    parameters = Math.max(parameters, Number(place));
    return `?${place}`;
  });
  return { statement: connection.prepare(text), parameters };
}

/** A number with no fraction is bound as an integer: as a float it would turn divisions into fractions, which they are not on PostgreSQL. */
function bound(value: SqlValue): SqlValue | bigint {
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}

/** @returns `query` over the connection. */
export function sqliteQueries(connection: DatabaseSync): Queries {
  const cache = new Map<string, Prepared>();

  function prepared(sql: string): Prepared {
    const known = cache.get(sql);
    if (known !== undefined) return known;
    const made = prepare(connection, sql);
    if (cache.size >= cachedStatements) cache.delete(cache.keys().next().value!);
    cache.set(sql, made);
    return made;
  }

  return {
    // deno-lint-ignore require-await
    async query<Row = SqlRow>(sql: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
      checkParameters(parameters);
      const { statement, parameters: expected } = prepared(sql);
      if (parameters.length !== expected) {
        throw new RangeError(
          `Cannot run "${sql}": expected ${expected} parameters, got ${parameters.length}`,
        );
      }
      const rows = statement.all(...parameters.map(bound));
      return rows.map((row) => ({ ...row })) as Row[];
    },
  };
}
