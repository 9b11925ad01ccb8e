/**
 * The nonces a process has seen, for as long as their signatures are valid. Those of writes are kept by the run service too, in the database.
 *
 * @module
 */

/** Remembers nonces. */
export interface NonceMemory {
  /** Remembers a nonce of a key. @returns false when it was there already. */
  note(keyId: string, nonce: string): boolean;
}

/**
 * Makes an empty memory.
 *
 * @param lifetimeMs how long a nonce is remembered at least; at most twice as long.
 */
export function createNonceMemory(lifetimeMs: number, now: () => number): NonceMemory {
  // Two generations: the older is dropped whole, so that forgetting costs nothing.
  let older = new Set<string>();
  let newer = new Set<string>();
  let startedAt = now();
  return {
    note(keyId, nonce) {
      const age = now() - startedAt;
      if (age >= lifetimeMs) {
        older = age < 2 * lifetimeMs ? newer : new Set();
        newer = new Set();
        startedAt = now();
      }
      // 64 hexadecimal digits name a key; a quarter of them tells a run's keys apart and keeps the memory small.
      const entry = keyId.slice(0, 16) + nonce;
      if (newer.has(entry) || older.has(entry)) return false;
      newer.add(entry);
      return true;
    },
  };
}
