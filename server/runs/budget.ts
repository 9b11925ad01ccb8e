/**
 * Settling a client's rank r_k.
 *
 * @module
 */

import type { Budget, SettledBudget } from "../../src/protocol/http/documents.ts";
import type { RunManifest } from "../../src/protocol/manifest.ts";
import { checkMethod } from "../../src/protocol/method.ts";
import { chooseTier, messageBytes } from "../../src/protocol/rank_choice.ts";
import { RankError } from "../../src/protocol/ranks.ts";
import { openAttempt } from "./attempts.ts";
import { writeAudit } from "./audit.ts";
import { changeRun } from "./change_run.ts";
import { spendNonce } from "./nonces.ts";
import { requireLasting, requireMember } from "./rows.ts";
import { type Service, ServiceError, type Signed } from "./service.ts";

/**
 * Takes a client's means and settles its rank, for the whole run; the client is ready then. With the last one expected the first round opens.
 *
 * @throws {ServiceError} malformed, conflict when the client wants a rank it cannot have, withdrawn, run-over.
 */
export async function setBudget(
  service: Service,
  run: string,
  client: number,
  budget: Budget,
  signed: Signed,
): Promise<SettledBudget> {
  checkBudget(budget);
  const time = service.now();
  return await changeRun(service, "set-budget", run, async (transaction, row) => {
    const seat = await requireMember(transaction, run, client);
    await spendNonce(transaction, signed, time);
    requireLasting(row);
    const settled = seat.rank ??
      (seat.role === "evaluator" ? 0 : settleRank(row.manifest, client, budget));
    if (budget.rank !== undefined && budget.rank !== settled) {
      throw conflict(client, `expected rank ${settled}, which was settled, got ${budget.rank}`);
    }
    await transaction.query(
      "UPDATE seats SET state = 'ready', rank = $3, samples = $4, budget = $5 " +
        "WHERE run = $1 AND client = $2",
      [run, client, settled, budget.samples, JSON.stringify(budget)],
    );
    if (seat.rank === null) {
      const detail = `rank ${settled}`;
      await writeAudit(transaction, { time, actor: `client ${client}`, act: "join", run, detail });
    }
    if (row.state === "waiting") await openAttempt(transaction, row, time);
    return { rank: settled };
  });
}

function settleRank(manifest: RunManifest, client: number, budget: Budget): number {
  const { ranks, layout, method } = manifest;
  const { rank } = budget;
  switch (ranks.kind) {
    case "fixed":
      return ranks.ranks[client];
    case "stated": {
      if (rank === undefined || rank < 1 || rank > layout.rank) {
        throw conflict(client, `expected a rank of 1 to ${layout.rank}, got ${rank ?? "none"}`);
      }
      try {
        checkMethod(method, [rank], layout.rank);
      } catch (error) {
        if (error instanceof RankError) throw conflict(client, error.message);
        throw error;
      }
      return rank;
    }
    case "auto":
      if (rank === undefined) return chosenTier(manifest, client, ranks.tiers, budget);
      if (ranks.tiers.includes(rank)) return rank;
      throw conflict(client, `expected rank ${ranks.tiers.join(", ")} or none, got ${rank}`);
    default:
      return ranks satisfies never;
  }
}

function chosenTier(
  { layout, method, training, participation }: RunManifest,
  client: number,
  tiers: readonly number[],
  { stepSeconds, link }: Budget,
): number {
  if (stepSeconds === undefined || link === undefined) {
    throw conflict(client, "expected the seconds of a step and the speed of the link, got none");
  }
  return chooseTier(tiers, { stepSeconds, link }, {
    localSteps: training.localSteps,
    deadlineSeconds: participation.deadlineSeconds,
    bytes: (rank) => messageBytes(layout, method, rank),
  }).rank;
}

function checkBudget({ rank, samples, stepSeconds, link }: Budget): void {
  const positive = (value: number) => Number.isFinite(value) && value > 0;
  const sound = Number.isSafeInteger(samples) && samples >= 0 &&
    (rank === undefined || Number.isSafeInteger(rank) && rank >= 0) &&
    (stepSeconds === undefined || positive(stepSeconds)) &&
    (link === undefined || positive(link.down) && positive(link.up));
  if (sound) return;
  throw new ServiceError(
    "malformed",
    "Cannot settle the budget: expected whole samples and rank, and positive times and speeds",
  );
}

function conflict(client: number, problem: string): ServiceError {
  return new ServiceError("conflict", `Cannot give client ${client} a rank: ${problem}`);
}
