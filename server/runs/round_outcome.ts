import type { Participation } from "../../src/protocol/manifest.ts";

/** An attempt that takes updates. */
export interface OpenAttempt {
  /** Clients sampled. */
  readonly sampled: readonly number[];
  /** Clients of the run that were withdrawn. */
  readonly withdrawn: ReadonlySet<number>;
  /** Clients whose update is there. */
  readonly received: readonly number[];
  /** In milliseconds since 1970. */
  readonly deadline: number;
}

/**
 * What becomes of an attempt now: it closes with all the updates it aims for, when nobody is missing, or at its deadline; it is missed when it
 * ends without a quorum or cannot reach one any more.
 */
export function roundOutcome(
  { sampled, withdrawn, received, deadline }: OpenAttempt,
  { perRound, quorum }: Pick<Participation, "perRound" | "quorum">,
  now: number,
): "wait" | "close" | "miss" {
  const missing =
    sampled.filter((client) => !withdrawn.has(client) && !received.includes(client)).length;
  const count = received.length;
  if (count >= perRound) return "close";
  if (count + missing < quorum) return "miss";
  if (missing > 0 && now < deadline) return "wait";
  return count >= quorum ? "close" : "miss";
}
