/**
 * The embedded database: one file in the data folder, through node:sqlite. Statements block the thread, briefly: bodies are stored as small rows.
 *
 * @module
 */

import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { UserError } from "../../src/protocol/errors.ts";
import type { Database, OpenOptions, Queries, SqlRow, SqlValue } from "./database.ts";
import { migrate, requireSchema } from "./migrate.ts";
import { createMutex } from "./mutex.ts";
import { createPending } from "./pending.ts";
import { sqliteQueries } from "./sqlite_queries.ts";
import type { Step } from "./steps.ts";
import { createScopes } from "./transaction_scope.ts";

/** Steps whose loss in a power failure costs a repetition and nothing else; they spare the disk a flush. */
const relaxedSteps: ReadonlySet<Step> = new Set<Step>(["store-chunk", "note-progress"]);

/**
 * Opens the database file, and makes it when there is none. One process serves it at a time.
 *
 * @throws {UserError} when the file cannot be used: no permission, another server, a newer schema, not a database.
 */
export async function openSqlite(path: string, options: OpenOptions = {}): Promise<Database> {
  const { use = "serve", onStep } = options;
  const lock = use === "serve" ? lockFile(path) : undefined;
  const opened: DatabaseSync[] = lock === undefined ? [] : [lock];
  const open = (readOnly: boolean): DatabaseSync => {
    const connection = connect(path, readOnly);
    opened.push(connection);
    return connection;
  };
  // The writer after the reader, so that it can empty the log into the file; the lock last.
  const closeAll = () => opened.splice(0).reverse().forEach((connection) => connection.close());
  try {
    const writer = use === "serve" ? open(false) : undefined;
    const database = createDatabase({ path, writer, reader: open(true), onStep, closeAll });
    await (use === "serve"
      ? migrate(database, folderOf(path))
      : requireSchema(database, folderOf(path)));
    return database;
  } catch (error) {
    closeAll();
    throw error;
  }
}

/** Holds an operating system's lock for as long as the connection is open: it goes with the process, however that ends. */
function lockFile(path: string): DatabaseSync {
  const lock = use(`${path}-lock`, () => new DatabaseSync(`${path}-lock`, { timeout: 0 }));
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (!/locked/.test(String(error))) throw unusable(path, error);
    throw new UserError(
      `Cannot open the data in ${folderOf(path)}: another server is using it; ` +
        "stop that one or use another --data-dir",
    );
  }
}

function connect(path: string, readOnly: boolean): DatabaseSync {
  return use(path, () => {
    const connection = new DatabaseSync(path, { readOnly, timeout: 5000 });
    try {
      // The first statements that read the file: they tell whether it is a database.
      if (!readOnly) connection.exec("PRAGMA journal_mode = WAL; PRAGMA recursive_triggers = ON");
      connection.exec("PRAGMA foreign_keys = ON; SELECT 1 FROM sqlite_schema");
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  });
}

function use<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): UserError {
  const why = error instanceof Error ? error.message : String(error);
  const advice = /not a database/.test(why)
    ? `move ${JSON.stringify(path)} away or use another --data-dir`
    : "check that the folder exists and that its files can be read and written";
  return new UserError(`Cannot open the data in ${folderOf(path)}: ${why}; ${advice}`);
}

/** The folder that errors name: it is what the person gave. */
function folderOf(path: string): string {
  return JSON.stringify(dirname(path));
}

interface Parts {
  readonly path: string;
  /** Undefined when the database was opened to be read. */
  readonly writer: DatabaseSync | undefined;
  readonly reader: DatabaseSync;
  readonly onStep: OpenOptions["onStep"];
  closeAll(): void;
}

function createDatabase({ path, writer, reader, onStep, closeAll }: Parts): Database {
  const mutex = createMutex();
  const pending = createPending();
  const scopes = createScopes();
  const writes = writer && sqliteQueries(writer);
  const reads = sqliteQueries(reader);
  const held = new Set<string>();

  return {
    kind: "sqlite",
    query: <Row = SqlRow>(sql: string, parameters?: readonly SqlValue[]) =>
      pending.run(() => reads.query<Row>(sql, parameters)),
    async transaction(step, work) {
      scopes.refuseNested();
      if (writer === undefined || writes === undefined) {
        throw new Error(`Cannot run "${step}": opened to be read`);
      }
      return await pending.run(() =>
        mutex(async () => {
          writer.exec(`PRAGMA synchronous = ${relaxedSteps.has(step) ? "NORMAL" : "FULL"}`);
          writer.exec("BEGIN IMMEDIATE");
          let result;
          try {
            result = await scopes.run(writes, async (scope) => {
              // The one writer holds every run.
              const result = await work({ query: scope.query, lockRun: async () => {} });
              scope.check();
              onStep?.(step, "before");
              return result;
            });
            writer.exec("COMMIT");
          } catch (error) {
            if (writer.isTransaction) writer.exec("ROLLBACK");
            throw error;
          }
          onStep?.(step, "after");
          return result;
        })
      );
    },
    snapshot: (work) => pending.run(() => readSnapshot(connect(path, true), work)),
    async exclusively(key, work) {
      if (held.has(key)) return false;
      held.add(key);
      try {
        await pending.run(work);
      } finally {
        held.delete(key);
      }
      return true;
    },
    ping: () => pending.run(async () => void await reads.query("SELECT 1")),
    async close() {
      await pending.close();
      closeAll();
    },
  };
}

async function readSnapshot<T>(
  connection: DatabaseSync,
  work: (queries: Queries) => Promise<T>,
): Promise<T> {
  try {
    // The snapshot is taken by the first read, not by BEGIN.
    connection.exec("BEGIN; SELECT 1 FROM sqlite_schema");
    return await work(sqliteQueries(connection));
  } finally {
    connection.close();
  }
}
