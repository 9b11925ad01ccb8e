/**
 * How the units of a node are dealt over threads. Results do not depend on it; time does.
 *
 * Long work is dealt in rounds that get smaller: a first, large chunk for each thread, then chunks for whoever is free, because threads seldom run alike:
 * processors have fast and slow cores, and other programs.
 *
 * @module
 */

import type { Cost, Op } from "../op.ts";
import type { Node } from "../program.ts";

/** Work a thread should have: a few times what meeting the other threads afterwards costs. */
const WORTHWHILE_NANOSECONDS = 20_000;
/** Work of a thread beyond which it is dealt in rounds: below, a chunk would cost more than it evens out. */
const LONG_NANOSECONDS = 200_000;
/** Floating-point operations of a matrix product on one thread. */
const FLOPS_PER_NANOSECOND = 30;
/** Bytes of a loop in TypeScript on one thread. */
const BYTES_PER_NANOSECOND = 4;
/** Bytes of WebAssembly SIMD on one thread, between what its caches and what the memory gives. */
export const SIMD_BYTES_PER_NANOSECOND = 16;

/** Hundredths of the units that have been dealt after each round. */
const SHORT = [0, 100] as const;
const LONG = [0, 65, 85, 95, 100] as const;

/** How a node's units are dealt. */
export interface Deal {
  readonly units: number;
  /** Threads that take part: at least 1, at most the units. */
  readonly participants: number;
  /** Chunks in all, some of them empty: a multiple of the participants. */
  readonly chunks: number;
}

/** Deals the units of a node of some cost, whose function reads and writes so many bytes in a nanosecond. */
export function deal(
  cost: Cost,
  units: number,
  threads: number,
  bytesPerNanosecond: number = BYTES_PER_NANOSECOND,
): Deal {
  const time = Math.max(cost.flops / FLOPS_PER_NANOSECOND, cost.bytes / bytesPerNanosecond);
  const worthwhile = Math.floor(time / WORTHWHILE_NANOSECONDS);
  const participants = Math.max(1, Math.min(threads, units, worthwhile));
  const long = participants > 1 && time / participants > LONG_NANOSECONDS;
  return { units, participants, chunks: participants * ((long ? LONG : SHORT).length - 1) };
}

/** Deals the units of a node by what its operation says of it. */
export function dealNode({ cost, cpu }: Op, node: Node, threads: number): Deal {
  return deal(cost(node), cpu.units(node), threads, cpu.bytesPerNanosecond);
}

/** The units [begin, end) of a chunk. Those of a round lie side by side; the first round's is numbered by thread. */
export function chunkOf(
  { units, participants, chunks }: Deal,
  chunk: number,
): { readonly begin: number; readonly end: number } {
  const parts = chunks > participants ? LONG : SHORT;
  const round = Math.floor(chunk / participants), place = chunk % participants;
  const [from, to] = [parts[round], parts[round + 1]];
  const upTo = (places: number): number =>
    Math.floor(units * (from * participants + (to - from) * places) / (100 * participants));
  return { begin: upTo(place), end: upTo(place + 1) };
}
