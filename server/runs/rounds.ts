/**
 * The state machine of a round: what is due is found in the database and done, by whichever process comes first.
 *
 * @module
 */

import type { Queries, Transaction } from "../store/database.ts";
import { aggregateRound } from "./aggregate.ts";
import { openAttempt } from "./attempts.ts";
import { changeRun } from "./change_run.ts";
import { roundOutcome } from "./round_outcome.ts";
import { type AttemptRow, findRun, latestAttempt, receivedCount, type RunRow } from "./rows.ts";
import type { Service } from "./service.ts";
import { deleteUpdateBlobs } from "./update_blobs.ts";

/** All that is due in one run: rounds are closed or retried, aggregated and published. */
export async function advance(service: Service, run: string): Promise<void> {
  while (await takeStep(service, run));
}

/** @returns whether something was done, so that more may be due. */
async function takeStep(service: Service, id: string): Promise<boolean> {
  const run = await findRun(service.db, id);
  if (run?.state !== "running") return false;
  const attempt = await latestAttempt(service.db, id, run.roundsDone);
  if (attempt?.state === "aggregating") return await aggregateRound(service, id);
  const outcome = await outcomeNow(service.db, run, service.now());
  if (outcome === "wait") return false;
  const step = outcome === "close" ? "close-round" : "retry-round";
  const ended = await changeRun(service, step, id, async (transaction, row) => {
    const now = service.now();
    // Another process may have been here first.
    if (await outcomeNow(transaction, row, now) !== outcome) return undefined;
    const current = (await latestAttempt(transaction, id, row.roundsDone))!;
    if (outcome === "close") await setState(transaction, id, current, "aggregating", now);
    else await retryRound(transaction, row, current, now);
    return current;
  });
  if (ended !== undefined) {
    service.log(outcome === "close" ? "round-closed" : "round-missed", {
      run: id,
      round: ended.round,
      attempt: ended.attempt,
    });
  }
  return true;
}

/** The outcome of the attempt in progress; `wait` when there is none. */
async function outcomeNow(
  queries: Queries,
  { id, manifest, roundsDone, state }: RunRow,
  now: number,
): Promise<"wait" | "close" | "miss"> {
  const attempt = await latestAttempt(queries, id, roundsDone);
  if (state !== "running" || !attempt || !["open", "collecting"].includes(attempt.state)) {
    return "wait";
  }
  const received = await receivedCount(queries, id, attempt);
  const withdrawn = await queries.query<{ client: number }>(
    "SELECT client FROM seats WHERE run = $1 AND state = 'withdrawn'",
    [id],
  );
  return roundOutcome(
    { ...attempt, received, withdrawn: new Set(withdrawn.map(({ client }) => client)) },
    manifest.participation,
    now,
  );
}

async function retryRound(
  transaction: Transaction,
  run: RunRow,
  attempt: AttemptRow,
  now: number,
): Promise<void> {
  await setState(transaction, run.id, attempt, "missed", now);
  await transaction.query("UPDATE runs SET retries = retries + 1 WHERE id = $1", [run.id]);
  await deleteUpdateBlobs(transaction, run.id, attempt.round);
  await openAttempt(transaction, run, now);
}

async function setState(
  transaction: Transaction,
  run: string,
  { round, attempt }: AttemptRow,
  state: "aggregating" | "missed",
  now: number,
): Promise<void> {
  await transaction.query(
    "UPDATE rounds SET state = $4, closed_at = $5 WHERE run = $1 AND round = $2 AND attempt = $3",
    [run, round, attempt, state, now],
  );
}
