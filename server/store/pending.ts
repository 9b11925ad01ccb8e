/**
 * Work in progress, so that closing can wait for it.
 *
 * @module
 */

/** Keeps track of work. */
export interface Pending {
  /** Runs `work` and counts it until it settles. @throws when the database is closing. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Refuses new work and waits for what is in progress. */
  close(): Promise<void>;
}

/** Starts with none. */
export function createPending(): Pending {
  const pending = new Set<Promise<unknown>>();
  let closed = false;
  return {
    async run(work) {
      if (closed) throw new Error("Cannot use the database: it is closed");
      const promise = work();
      pending.add(promise);
      try {
        return await promise;
      } finally {
        pending.delete(promise);
      }
    },
    async close() {
      closed = true;
      await Promise.allSettled(pending);
    },
  };
}
