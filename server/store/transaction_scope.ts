/**
 * The rules of a transaction that one database would enforce and the other would not: a failed statement fails it, nothing runs in it once it has
 * ended, and none starts inside another (which would wait for itself).
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";

import type { Queries, SqlRow, SqlValue } from "./database.ts";

/** Statements of one transaction, and what became of them. */
export interface TransactionScope extends Queries {
  /** @throws the error of the first statement that failed. */
  check(): void;
}

/** Runs work as a transaction's body. */
export type RunInScope = <T>(
  queries: Queries,
  work: (scope: TransactionScope) => Promise<T>,
) => Promise<T>;

/** Makes the guard of one database. */
export function createScopes(): { run: RunInScope; refuseNested(): void } {
  const current = new AsyncLocalStorage<{ ended: boolean }>();
  return {
    async run(queries, work) {
      const state = { ended: false };
      let failure: { error: unknown } | undefined;
      const scope: TransactionScope = {
        async query<Row = SqlRow>(sql: string, parameters?: readonly SqlValue[]): Promise<Row[]> {
          if (state.ended) throw new Error("Cannot run a statement: its transaction has ended");
          if (failure !== undefined) throw failure.error;
          try {
            return await queries.query<Row>(sql, parameters);
          } catch (error) {
            failure ??= { error };
            throw error;
          }
        },
        check() {
          if (failure !== undefined) throw failure.error;
        },
      };
      try {
        return await current.run(state, () => work(scope));
      } finally {
        state.ended = true;
      }
    },
    refuseNested() {
      if (current.getStore()?.ended === false) {
        throw new Error("Cannot start a transaction inside another: pass the outer one on");
      }
    },
  };
}
