/**
 * What the server asks of its storage: SQL that two databases understand alike, transactions that wait for each other per run, and blobs in
 * rows. `sqlite.ts` and `postgres.ts` implement it; tests/server/store/conformance.ts holds both to it.
 *
 * SQL is written once, in the part both share: `$1` placeholders, `INSERT … ON CONFLICT`, `RETURNING`, no dates, no booleans (0 and 1), times as
 * milliseconds since 1970 in BIGINT columns, JSON as TEXT.
 *
 * @module
 */

import type { Step } from "./steps.ts";

/**
 * What a column can hold. Whole numbers come back as numbers, on both databases; one above 2^53 is an error, and so are numbers that are not finite
 * and text with a NUL character.
 */
export type SqlValue = string | number | null | Uint8Array;

/** A row by column name. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** Runs statements; inside a transaction, as part of it. */
export interface Queries {
  /**
   * Runs one statement; outside a transaction it may only read. A parameter takes the type of the column it meets: where it meets none, say
   * `CAST($1 AS BIGINT)`.
   *
   * @returns its rows, or those of its RETURNING clause; none for other statements.
   */
  query<Row = SqlRow>(sql: string, parameters?: readonly SqlValue[]): Promise<Row[]>;
}

/** A transaction in progress. */
export interface Transaction extends Queries {
  /**
   * Waits until no other transaction holds this run, and holds it until this one ends. Every transaction that reads a run's state in order to
   * change it calls it first. The run may not exist.
   */
  lockRun(run: string): Promise<void>;
}

/** A database that holds everything a server knows. */
export interface Database extends Queries {
  /** Which one it is. */
  readonly kind: "sqlite" | "postgres";
  /**
   * Runs `work` in one transaction and commits it, durably, before it resolves; when `work` throws, nothing is changed and the error goes on.
   * `work` may run again from its start when the database asks for it (a serialization failure), so it must have no other effects. A statement that
   * fails fails the transaction, caught or not: ask with `ON CONFLICT` instead. Transactions do not nest.
   *
   * @param step names the durable step, for fault injection and metrics.
   */
  transaction<T>(step: Step, work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Runs `work`, which only reads, against one consistent state of the database; other transactions go on meanwhile. */
  snapshot<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  /**
   * Runs `work` unless another process or call holds `key` now; the hold ends with the work or with the process, however it ends.
   *
   * @returns whether it ran.
   */
  exclusively(key: string, work: () => Promise<void>): Promise<boolean>;
  /** Whether the database answers. */
  ping(): Promise<void>;
  /** Waits for transactions in progress and lets go. */
  close(): Promise<void>;
}

/** Told right before and right after every commit; a test kills the process there. What it throws before a commit undoes the transaction. */
export type OnStep = (step: Step, moment: "before" | "after") => void;

/** How a database is opened. */
export interface OpenOptions {
  /** `serve` brings the tables up to date; `read` changes nothing and works beside a server that is running. `serve` when left out. */
  readonly use?: "serve" | "read";
  /** For fault injection and metrics. */
  readonly onStep?: OnStep;
}
