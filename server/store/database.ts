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

/** What a column can hold. Whole numbers come back as numbers, on both databases; one above 2^53 is an error. */
export type SqlValue = string | number | null | Uint8Array;

/** A row by column name. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** Runs statements; inside a transaction, as part of it. */
export interface Queries {
  /** Runs one statement. @returns its rows, or those of its RETURNING clause; none for other statements. */
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
   * `work` may run again from its start when the database asks for it (a serialization failure), so it must have no other effects.
   *
   * @param step names the durable step, for fault injection and metrics.
   */
  transaction<T>(step: Step, work: (transaction: Transaction) => Promise<T>): Promise<T>;
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

/** Told around every commit; a test kills the process there. Does nothing in production. */
export type OnStep = (step: Step, moment: "before" | "after") => void;
