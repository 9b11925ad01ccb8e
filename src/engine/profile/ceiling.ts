/**
 * What a machine reaches at best, measured by bare loops, and how near to that a piece of work comes (Williams et al. 2009, "Roofline").
 *
 * @module
 */

import type { Cost } from "../op.ts";

/** What bare loops reach on a device. */
export interface Ceiling {
  /** Multiply-adds of float32 in registers, in FLOP/s; one counts as two. */
  readonly flopsPerSecond: number;
  /** A loop that reads and writes, by the size of what it works on, ascending: small ones stay in caches, the last is the memory's. */
  readonly bandwidths: readonly Bandwidth[];
}

/** How fast data of one size is read and written. */
export interface Bandwidth {
  /** Bytes worked on, over and over. */
  readonly workingSet: number;
  /** Bytes read and written a second. */
  readonly bytesPerSecond: number;
}

/** How near a piece of work comes to the ceiling. */
export interface CeilingShare {
  /** Time the ceiling allows ÷ time taken. */
  readonly fraction: number;
  /** What would keep it from being faster. */
  readonly bound: "compute" | "memory";
}

/** The seconds that work takes at the ceiling, and which of its two halves says so. Its bytes are held to the smallest measured set that holds them. */
export function secondsAtCeiling(
  { flops, bytes }: Cost,
  { flopsPerSecond, bandwidths }: Ceiling,
): { readonly seconds: number; readonly bound: CeilingShare["bound"] } {
  const { bytesPerSecond } = bandwidths.find(({ workingSet }) => workingSet >= bytes) ??
    bandwidths[bandwidths.length - 1];
  const compute = flops / flopsPerSecond;
  const memory = bytes / bytesPerSecond;
  return compute > memory
    ? { seconds: compute, bound: "compute" }
    : { seconds: memory, bound: "memory" };
}
