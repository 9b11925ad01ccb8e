/**
 * Which clients take part in a round.
 *
 * @module
 */

import { countOf } from "./count_of.ts";
import { randomStream } from "./random.ts";

/** What {@linkcode sampleClients} draws from. */
export interface ClientSample {
  /** Indices of the clients that are ready, in any order. */
  readonly ready: readonly number[];
  /** How many to draw, at most those that are ready. */
  readonly count: number;
  /** The run's seed. */
  readonly seed: number;
  /** The round, counted from 0. */
  readonly round: number;
  /** The attempt at it, counted from 0; each draws anew. */
  readonly attempt: number;
}

/**
 * Draws a round's clients, each equally likely; the same ones for the same arguments.
 *
 * @returns their indices, ascending.
 *
 * @throws {RangeError} when more are asked for than are ready.
 *
 * @example
 * ```ts
 * import { sampleClients } from "./sampling.ts";
 * const sample = sampleClients({ ready: [4, 0, 2], count: 3, seed: 1, round: 0, attempt: 0 });
 * if (sample.join() !== "0,2,4") throw new Error("unreachable");
 * ```
 */
export function sampleClients({ ready, count, seed, round, attempt }: ClientSample): number[] {
  if (!Number.isInteger(count) || count < 0 || count > ready.length) {
    throw new RangeError(
      `Cannot sample ${countOf(count, "client")}: expected 0 to ${ready.length}`,
    );
  }
  const ascending = ready.toSorted((x, y) => x - y);
  const drawn = randomStream(seed, "clients", round, attempt).shuffle(ascending).slice(0, count);
  return drawn.sort((x, y) => x - y);
}
