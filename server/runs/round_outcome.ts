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

/**
 * What becomes of an attempt now: it closes with all the updates it aims for, when nobody is missing, or at its deadline; it is missed when it
 * ends without a quorum or cannot reach one any more.
 */
export function roundOutcome(
  { sampled, withdrawn, received, deadline }: OpenAttempt,
  { perRound, quorum }: Pick<Participation, "perRound" | "quorum">,
  now: number,
): "wait" | "close" | "miss" {
  const possible = sampled.filter((client) => !withdrawn.has(client)).length;
  if (received >= perRound) return "close";
  if (received < quorum && possible < quorum) return "miss";
  if (received < possible && now < deadline) return "wait";
  return received >= quorum ? "close" : "miss";
}
