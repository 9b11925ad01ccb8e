/** How the units of a node are dealt over threads. Results do not depend on it; time does. @module */

import type { Cost } from "../op.ts";

/** Work a thread should have: a few times what meeting the other threads afterwards costs. */
const WORTHWHILE_NANOSECONDS = 20_000;
/** Rates of one thread: floating-point operations of a matrix product, bytes of a loop in TypeScript. */
const FLOPS_PER_NANOSECOND = 30;
const BYTES_PER_NANOSECOND = 4;

/** How many threads take part in a node: at least 1, at most its units. */
export function participants(cost: Cost, units: number, threads: number): number {
  const time = Math.max(cost.flops / FLOPS_PER_NANOSECOND, cost.bytes / BYTES_PER_NANOSECOND);
  const worthwhile = Math.floor(time / WORTHWHILE_NANOSECONDS);
  return Math.max(1, Math.min(threads, units, worthwhile));
}

/** The units [begin, end) of participant `index`. */
export function shareOf(
  units: number,
  participants: number,
  index: number,
): { readonly begin: number; readonly end: number } {
  return {
    begin: Math.floor(units * index / participants),
    end: Math.floor(units * (index + 1) / participants),
  };
}
