/** Who takes part in a round of a simulated federation, and who of them does not answer in time. @module */

import { randomStream } from "../protocol/random.ts";
import { sampleClients } from "../protocol/sampling.ts";

/** How reliable the clients of a simulated federation are. */
export interface Attendance {
  /** Share of the clients that a round samples, above 0 and at most 1. */
  readonly participation: number;
  /** Probability that a sampled client vanishes: it takes the download, and nothing comes back. */
  readonly dropouts: number;
  /** Probability that a client that does not vanish is late: its update arrives one round later, and meanwhile it is not sampled. */
  readonly stragglers: number;
}

/** All clients in every round, and all of them in time. */
export const fullAttendance: Attendance = { participation: 1, dropouts: 0, stragglers: 0 };

/** What becomes of a sampled client's update: it comes in the same round, in the next one, or never. */
export type Fate = "answers" | "late" | "vanishes";

/** A sampled client. */
export interface Attendant {
  /** Its index. */
  readonly client: number;
  /** Whether it answers. */
  readonly fate: Fate;
}

/** The round {@linkcode drawAttendants} draws for. */
export interface AttendanceDraw {
  /** The run's number of clients K. */
  readonly clients: number;
  /** Indices of those that are late with the round before. */
  readonly busy: readonly number[];
  /** The run's seed. */
  readonly seed: number;
  /** The round, counted from 0. */
  readonly round: number;
}

/**
 * Draws a round's clients, `max(1, round(participation × K))` of those that are not busy, and the fate of each. A client's fate is keyed by the run's
 * seed, the round and the client: it does not depend on who else is sampled.
 *
 * @returns the sampled clients, ascending; none where all are busy.
 *
 * @example
 * ```ts
 * import { drawAttendants } from "./attendance.ts";
 * const attendance = { participation: 0.5, dropouts: 0, stragglers: 0 };
 * const drawn = drawAttendants(attendance, { clients: 10, busy: [3], seed: 1, round: 0 });
 * if (drawn.length !== 5 || drawn.some(({ client }) => client === 3)) throw new Error("unreachable");
 * ```
 */
export function drawAttendants(
  attendance: Attendance,
  { clients, busy, seed, round }: AttendanceDraw,
): Attendant[] {
  const away = new Set(busy);
  const ready = Array.from({ length: clients }, (_, client) => client)
    .filter((client) => !away.has(client));
  const count = Math.min(sampledClients(attendance, clients), ready.length);
  return sampleClients({ ready, count, seed, round, attempt: 0 })
    .map((client) => ({ client, fate: drawFate(attendance, seed, round, client) }));
}

/** How many clients a round samples while none is busy. */
export function sampledClients({ participation }: Attendance, clients: number): number {
  return Math.max(1, Math.round(participation * clients));
}

function drawFate(
  { dropouts, stragglers }: Attendance,
  seed: number,
  round: number,
  client: number,
): Fate {
  if (randomStream(seed, "vanish", round, client).uniform() < dropouts) return "vanishes";
  return randomStream(seed, "late", round, client).uniform() < stragglers ? "late" : "answers";
}
