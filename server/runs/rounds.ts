/**
 * The state machine of a round: what is due is found in the database and done, by whichever process comes first.
 *
 * @module
 */

import type { Queries, Transaction } from "../store/database.ts";
import { aggregateRound } from "./aggregate.ts";
import { deadlineFrom, openAttempt } from "./attempts.ts";
import { changeRun } from "./change_run.ts";
import { deleteUpdateBlobs } from "./delete_updates.ts";
import { roundOutcome } from "./round_outcome.ts";
import { type AttemptRow, findRun, latestAttempt, receivedCount, type RunRow } from "./rows.ts";
import type { Service } from "./service.ts";

/** All that is due in one run: rounds are closed or retried, aggregated and published. */
export async function advance(service: Service, run: string): Promise<void> {
  while (await takeStep(service, run));
}

/** @returns whether something was done, so that more may be due. */
async function takeStep(service: Service, id: string): Promise<boolean> {
  const run = await findRun(service.db, id);
  const due = run && await dueNow(service.db, run, service.now());
  if (due === undefined) return false;
  if (due === "aggregate") return await aggregateRound(service, id);
  const { step, event, make } = moves[due];
  const moved = await changeRun(service, step, id, async (transaction, row) => {
    const now = service.now();
    // Another process may have been here first.
    if (await dueNow(transaction, row, now) !== due) return undefined;
    const attempt = (await latestAttempt(transaction, id, row.roundsDone))!;
    await make(transaction, { run: row, attempt, now });
    return attempt;
  });
  if (moved !== undefined) {
    service.log(event, { run: id, round: moved.round, attempt: moved.attempt });
  }
  return true;
}

/** What is due in the attempt in progress; undefined when nothing is. */
async function dueNow(
  queries: Queries,
  { id, manifest: { participation }, roundsDone, state }: RunRow,
  now: number,
): Promise<keyof typeof moves | "aggregate" | undefined> {
  const attempt = await latestAttempt(queries, id, roundsDone);
  if (state !== "running" || !attempt) return undefined;
  const received = await receivedCount(queries, id, attempt);
  // A closed one has its quorum, unless updates were damaged since.
  if (attempt.state === "aggregating") {
    return received >= participation.quorum ? "aggregate" : "miss";
  }
  if (attempt.state !== "open" && attempt.state !== "collecting") return undefined;
  const withdrawn = await queries.query<{ client: number }>(
    "SELECT client FROM seats WHERE run = $1 AND state = 'withdrawn'",
    [id],
  );
  const outcome = roundOutcome(
    { ...attempt, received, withdrawn: new Set(withdrawn.map(({ client }) => client)) },
    participation,
    now,
  );
  return outcome === "wait" ? undefined : outcome;
}

/** An attempt that comes to an end, or gets more time. */
interface Move {
  /** As it is in the transaction. */
  readonly run: RunRow;
  readonly attempt: AttemptRow;
  readonly now: number;
}

/** What can be due, by {@linkcode roundOutcome}. */
const moves = {
  close: { step: "close-round", event: "round-closed", make: closeRound },
  miss: { step: "retry-round", event: "round-missed", make: retryRound },
  extend: { step: "retry-round", event: "round-extended", make: extendRound },
} as const;

async function closeRound(transaction: Transaction, { run, attempt, now }: Move): Promise<void> {
  await setState(transaction, run.id, attempt, "aggregating", now);
}

async function retryRound(transaction: Transaction, { run, attempt, now }: Move): Promise<void> {
  await setState(transaction, run.id, attempt, "missed", now);
  await transaction.query("UPDATE runs SET retries = retries + 1 WHERE id = $1", [run.id]);
  await deleteUpdateBlobs(transaction, run.id, attempt.round);
  await openAttempt(transaction, run, now);
}

async function extendRound(transaction: Transaction, { run, attempt, now }: Move): Promise<void> {
  await transaction.query(
    "UPDATE rounds SET deadline = $4 WHERE run = $1 AND round = $2 AND attempt = $3",
    [run.id, attempt.round, attempt.attempt, deadlineFrom(now, run.manifest.participation)],
  );
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
