/** What a client says of its means, and the rank it gets. @module */

import { fetchBank, probe, setBudget } from "../../federated/remote/api.ts";
import type { Connection } from "../../federated/remote/connection.ts";
import { RemoteProblem } from "../../federated/remote/remote_problem.ts";
import type { Seat } from "../../federated/remote/seat.ts";
import { UserError } from "../../protocol/errors.ts";
import type { Budget } from "../../protocol/http/documents.ts";
import type { RunManifest } from "../../protocol/manifest.ts";

/** Bytes that are sent to time the way up. */
const PROBE_BYTES = 256 * 1024;

/** What {@linkcode settleRank} goes by. */
export interface RankRequest {
  readonly connection: Connection;
  readonly manifest: RunManifest;
  readonly seat: Seat;
  /** Rows to train on; an evaluator's rows. */
  readonly samples: number;
  /** What the person asked for, or what was settled at an earlier start; null: neither. */
  readonly rank: number | null;
  /** Measures seconds of a training step. */
  readonly measureStep: () => Promise<number>;
  /** Milliseconds that only go forward. */
  readonly clock: () => number;
}

/**
 * Settles r_k as the run has it: by its own list, by what the client asks for, or by what its machine and link can do.
 *
 * @returns r_k; 0 for an evaluator, and where the run was over before a rank was settled.
 *
 * @throws UserError when the client asks for a rank that the run does not have for it, or has to ask for one.
 */
export async function settleRank(request: RankRequest): Promise<number> {
  const { connection, seat: { run, client }, manifest: { ranks }, rank } = request;
  const budget = await budgetOf(request);
  try {
    return (await setBudget(connection, run, client, budget)).rank;
  } catch (error) {
    // There is nothing to train any more, but the final adapter is still to be had.
    if (!(error instanceof RemoteProblem) || error.code !== "run-over") throw error;
    return ranks.kind === "fixed" ? ranks.ranks[client] ?? 0 : rank ?? 0;
  }
}

async function budgetOf(request: RankRequest): Promise<Budget> {
  const { manifest: { ranks, layout, name }, seat, samples, rank } = request;
  if (seat.role === "evaluator") return { samples };
  const asked = rank === null ? {} : { rank };
  switch (ranks.kind) {
    case "fixed": {
      const own = ranks.ranks[seat.client];
      if (rank !== null && rank !== own) {
        throw new UserError(`Cannot use --rank ${rank}: "${name}" gives this client rank ${own}`);
      }
      return { samples };
    }
    case "stated":
      if (rank === null) {
        throw new UserError(
          `Cannot join "${name}" without a rank: ask for one of 1 to ${layout.rank} with --rank`,
        );
      }
      return { samples, ...asked };
    case "auto":
      if (rank !== null && !ranks.tiers.includes(rank)) {
        throw new UserError(
          `Cannot use --rank ${rank}: "${name}" has ranks ${ranks.tiers.join(", ")}`,
        );
      }
      return rank !== null ? { samples, rank } : { samples, ...await measure(request) };
    default:
      return ranks satisfies never;
  }
}

async function measure(
  { connection, seat, manifest: { layout }, measureStep, clock }: RankRequest,
): Promise<Pick<Budget, "stepSeconds" | "link">> {
  const stepSeconds = await measureStep();
  // The time of the try that succeeded: a server that is busy at the start says nothing of the link.
  let started = 0;
  const start = () => started = clock();
  const rate = (bytes: number) => bytes / Math.max(1, clock() - started) * 1000;
  const bank = await fetchBank(connection, seat.run, "latest", layout, start);
  const down = rate(bank.length);
  await probe(connection, new Uint8Array(PROBE_BYTES), start);
  const up = rate(PROBE_BYTES);
  return { stepSeconds, link: { down, up } };
}
