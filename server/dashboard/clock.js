// @ts-check
/**
 * The server's clock, carried on by this machine between two messages.
 *
 * @module
 */

/** @typedef {{ hear(serverTime: number): void, now(): number }} ServerClock */

/**
 * @param {() => number} elapsed milliseconds on a clock that is never set
 * @returns {ServerClock}
 */
export function createServerClock(elapsed) {
  let behind = 0;
  return {
    hear(serverTime) {
      behind = serverTime - elapsed();
    },
    now: () => elapsed() + behind,
  };
}
