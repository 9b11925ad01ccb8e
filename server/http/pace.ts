import type { PaceLimits } from "./limits.ts";

/**
 * Milliseconds for which the other side may still keep a body waiting; 0 or less where it is too slow.
 *
 * @param moved bytes so far.
 * @param waited milliseconds that the other side has taken for them.
 */
export function patienceFor(
  { idleMs, graceMs, bytesPerSecond }: PaceLimits,
  moved: number,
  waited: number,
): number {
  return Math.min(idleMs, graceMs + 1000 * moved / bytesPerSecond - waited);
}
