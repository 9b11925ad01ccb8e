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
 * @param most how many nonces there may be before it forgets early: reads alone can be replayed then.
 */
export function createNonceMemory(
  lifetimeMs: number,
  now: () => number,
  most = 2_000_000,
): NonceMemory {
  // Two generations: the older is dropped whole, so that forgetting costs nothing.
  let older = new Set<string>();
  let newer = new Set<string>();
  let startedAt = now();
  function turnOver(): void {
    older = newer;
    newer = new Set();
    startedAt = now();
  }

  return {
    note(keyId, nonce) {
      const age = now() - startedAt;
      if (age >= lifetimeMs) turnOver();
      if (age >= 2 * lifetimeMs) turnOver();
      // A quarter of a key's 64 digits tells keys apart, in a quarter of the memory.
      const entry = keyId.slice(0, 16) + nonce;
      if (newer.has(entry) || older.has(entry)) return false;
      if (newer.size >= most / 2) turnOver();
      newer.add(entry);
      return true;
    },
  };
}
