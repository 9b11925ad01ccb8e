/**
 * What becomes of an attempt at a round, from how many answered and what time it is.
 *
 * @module
 */

import type { Participation } from "../../src/protocol/manifest.ts";

/** An attempt that takes updates. */
export interface OpenAttempt {
  /** Clients sampled. */
  readonly sampled: readonly number[];
  /** Clients of the run that were withdrawn. */
  readonly withdrawn: ReadonlySet<number>;
  /** Updates that are there, each of another of these clients; that of a withdrawn one is dropped. */
  readonly received: number;
  /** In milliseconds since 1970. */
  readonly deadline: number;
}

/** How long after its deadline an attempt is found open only where no server ran: each looks every second. */
const LEFT_ALONE_AFTER = 60_000;

/**
 * Whether an attempt that is still open was left alone at its deadline. While no server ran its clients could not deliver, so it is not over: it gets
 * its time again.
 */
export function isLeftAlone({ deadline }: Pick<OpenAttempt, "deadline">, now: number): boolean {
  return now - deadline >= LEFT_ALONE_AFTER;
}

/**
 * What becomes of an attempt now: it closes with all the updates it aims for, when nobody is missing, or at its deadline; it is missed when it
 * ends without a quorum or cannot reach one any more; it is extended when clients are missing that may have found no server.
 */
export function roundOutcome(
  attempt: OpenAttempt,
  { perRound, quorum }: Pick<Participation, "perRound" | "quorum">,
  now: number,
): "wait" | "close" | "miss" | "extend" {
  const { sampled, withdrawn, received, deadline } = attempt;
  const possible = sampled.filter((client) => !withdrawn.has(client)).length;
  if (received >= perRound) return "close";
  if (received < quorum && possible < quorum) return "miss";
  if (received < possible && now < deadline) return "wait";
  if (received < possible && isLeftAlone(attempt, now)) return "extend";
  return received >= quorum ? "close" : "miss";
}
