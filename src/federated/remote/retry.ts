/** Trying again: after a cut network, a restarting server, or one that asks for patience. @module */

/** How long to wait between tries. */
export interface Patience {
  /** Most milliseconds before the second try. */
  readonly first: number;
  /** Most milliseconds before any try, as long as the server does not ask for more. */
  readonly most: number;
}

/** Half a second at first, half a minute at most. */
export const usualPatience: Patience = { first: 500, most: 30_000 };

/**
 * Milliseconds to wait before the next try: exponential backoff with full jitter, so that clients that a restart has cut off do not come back all
 * at once; never less than the server asked for.
 *
 * @param failures tries that have failed so far, at least 1
 * @param random uniform in [0, 1)
 * @param retryAfter seconds that the server asked for
 *
 * @example
 * ```ts
 * import { retryDelay } from "./retry.ts";
 * const patience = { first: 500, most: 30_000 };
 * if (retryDelay(patience, 3, () => 0.5) !== 1000) throw new Error("half of 4 × 500 ms");
 * if (retryDelay(patience, 1, () => 0, 7) !== 7000) throw new Error("as long as the server asks for");
 * ```
 */
export function retryDelay(
  { first, most }: Patience,
  failures: number,
  random: () => number,
  retryAfter = 0,
): number {
  const jittered = random() * Math.min(most, first * 2 ** (failures - 1));
  // Jitter on top of the server's own number too: it tells everyone the same.
  return retryAfter > 0 ? 1000 * retryAfter + jittered : jittered;
}

/** Resolves after some milliseconds; rejects with the signal's reason when it is aborted meanwhile. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>;

/** Sleeps by the platform's timers. */
export function timerSleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}
