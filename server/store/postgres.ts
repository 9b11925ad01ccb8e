/**
 * The database of a server with replicas, through the `postgres` package. Import it on demand: the package reads environment variables.
 *
 * @module
 */

import postgres from "postgres";
import type { ReservedSql, Sql, TransactionSql } from "postgres";

import type { Database, OpenOptions, Queries, SqlRow, SqlValue } from "./database.ts";
import { migrate, requireSchema } from "./migrate.ts";
import { checkParameters } from "./parameters.ts";
import { createPending } from "./pending.ts";
import { parseAddress, unreachable } from "./postgres_address.ts";
import { postgresTypes } from "./postgres_types.ts";
import { createScopes } from "./transaction_scope.ts";

/** SQLSTATE of failures that ask for the transaction to be run again: serialization, deadlock. */
const retryCodes: ReadonlySet<unknown> = new Set(["40001", "40P01"]);
/** Past this many runs something is wrong. */
const maxRuns = 10;

type Connections = Sql | ReservedSql | TransactionSql;

function queriesOver(sql: Connections): Queries {
  return {
    async query<Row = SqlRow>(text: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
      checkParameters(parameters);
      const rows = await sql.unsafe(
        text,
        [...parameters],
        { prepare: true, simple: false } as object,
      );
      return [...rows] as Row[];
    },
  };
}

function connect(url: string, options: { max?: number; max_lifetime?: null } = {}): Sql {
  return postgres(url, {
    ...options,
    connect_timeout: 10,
    fetch_types: false,
    onnotice: () => {},
    types: postgresTypes,
    connection: {
      application_name: "hafl",
      // Outside a transaction statements only read, as on SQLite.
      default_transaction_read_only: true,
      // A server that hangs inside a transaction, or whose machine is gone, lets go of what it holds.
      idle_in_transaction_session_timeout: 60_000,
      tcp_keepalives_idle: 30,
      tcp_keepalives_interval: 10,
      tcp_keepalives_count: 3,
    },
  });
}

/**
 * Opens a PostgreSQL database by its address, `postgres://user:password@host:port/name`.
 *
 * @throws {UserError} when it does not answer, refuses the user, or is of a newer schema; the password is not shown.
 */
export async function openPostgres(url: string, options: OpenOptions = {}): Promise<Database> {
  const { use = "serve", onStep } = options;
  const address = parseAddress(url);
  let sql: Sql;
  try {
    sql = connect(url);
  } catch (error) {
    throw unreachable(address, error);
  }
  const database = createDatabase(sql, connect(url, { max: 1, max_lifetime: null }), onStep);
  try {
    await database.ping().catch((error) => {
      throw unreachable(address, error);
    });
    const place = JSON.stringify(address);
    await (use === "serve" ? migrate(database, place) : requireSchema(database, place));
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** @param locks a single connection that is never exchanged: advisory locks belong to it. */
function createDatabase(sql: Sql, locks: Sql, onStep: OpenOptions["onStep"]): Database {
  const pending = createPending();
  const scopes = createScopes();
  const pool = queriesOver(sql);
  const held = new Set<string>();

  return {
    kind: "postgres",
    query: <Row = SqlRow>(text: string, parameters?: readonly SqlValue[]) =>
      pending.run(() => pool.query<Row>(text, parameters)),
    async transaction(step, work) {
      scopes.refuseNested();
      return await pending.run(async () => {
        // Read committed: each statement sees what was committed before it, so what is read after lockRun is as the last holder left it.
        const result = await retried(() =>
          sql.begin(
            "isolation level read committed read write",
            (connection) =>
              scopes.run(queriesOver(connection), async (scope) => {
                const result = await work({
                  query: scope.query,
                  // Not FOR UPDATE, for which the foreign keys of rows that others insert would wait too.
                  lockRun: async (run) =>
                    void await scope.query("SELECT 1 FROM runs WHERE id = $1 FOR NO KEY UPDATE", [
                      run,
                    ]),
                });
                scope.check();
                onStep?.(step, "before");
                return { result };
              }),
          )
        );
        onStep?.(step, "after");
        return result.result;
      });
    },
    snapshot: (work) =>
      pending.run(async () => {
        const { result } = await sql.begin(
          "isolation level repeatable read read only",
          async (connection) => {
            const queries = queriesOver(connection);
            // The snapshot is taken by the first statement, not by BEGIN.
            await queries.query("SELECT 1");
            return { result: await work(queries) };
          },
        );
        return result;
      }),
    async exclusively(key, work) {
      // The lock is the connection's, and would be granted to this process again.
      if (held.has(key)) return false;
      held.add(key);
      try {
        return await pending.run(() => withAdvisoryLock(locks, `hafl ${key}`, work));
      } finally {
        held.delete(key);
      }
    },
    ping: () => pending.run(async () => void await pool.query("SELECT 1")),
    async close() {
      await pending.close();
      // Nothing is in progress; a connection that cannot be closed in order is dropped.
      await Promise.all([sql, locks].map((connections) => connections.end({ timeout: 5 })));
    },
  };
}

async function withAdvisoryLock(
  locks: Sql,
  key: string,
  work: () => Promise<void>,
): Promise<boolean> {
  const { query } = queriesOver(locks);
  const [{ taken }] = await query<{ taken: number }>(
    "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken",
    [key],
  );
  if (taken === 0) return false;
  try {
    await work();
  } finally {
    // A connection that broke has let go already.
    await query("SELECT pg_advisory_unlock(hashtextextended($1, 0))", [key]).catch(() => {});
  }
  return true;
}

async function retried<T>(run: () => Promise<T>): Promise<T> {
  for (let runs = 1;; runs++) {
    try {
      return await run();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (!retryCodes.has(code) || runs === maxRuns) throw error;
      // Those that collided should not meet again.
      const pause = Math.random() * Math.min(10 * 2 ** runs, 500);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
