/**
 * Attempts at a round: how one opens, and who may take part.
 *
 * @module
 */

import { type Participation, sampleSize } from "../../src/protocol/manifest.ts";
import { sampleClients } from "../../src/protocol/sampling.ts";
import type { Queries, Transaction } from "../store/database.ts";
import { isLeftAlone } from "./round_outcome.ts";
import { type AttemptRow, latestAttempt, receivedCount, type RunRow } from "./rows.ts";
import { type RoundAddress, ServiceError } from "./service.ts";

/**
 * Opens the next attempt at the run's next round with a sample of the clients that are ready; with too few of them the run waits.
 *
 * @param run as it is in this transaction.
 */
export async function openAttempt(
  transaction: Transaction,
  run: Pick<RunRow, "id" | "manifest" | "roundsDone">,
  now: number,
): Promise<void> {
  const { id, manifest, roundsDone: round } = run;
  const { participation, seed } = manifest;
  const before = await latestAttempt(transaction, id, round);
  const [counts] = await transaction.query<{ ready: number; withdrawn: number }>(
    "SELECT COUNT(CASE state WHEN 'ready' THEN 1 END) AS ready, " +
      "COUNT(CASE state WHEN 'withdrawn' THEN 1 END) AS withdrawn " +
      "FROM seats WHERE run = $1 AND role = 'client'",
    [id],
  );
  const first = round === 0 && before === undefined;
  const needed = first ? startSize(participation, counts.withdrawn) : participation.quorum;
  if (counts.ready < needed) {
    await transaction.query("UPDATE runs SET state = 'waiting' WHERE id = $1", [id]);
    return;
  }
  const ready = await readyClients(transaction, id);
  const attempt = before === undefined ? 0 : before.attempt + 1;
  const count = sampleSize(participation, ready.length);
  const sampled = sampleClients({ ready, count, seed, round, attempt });
  await transaction.query(
    "INSERT INTO rounds (run, round, attempt, state, opened_at, deadline, sampled) " +
      "VALUES ($1, $2, $3, 'open', $4, $5, $6)",
    [
      id,
      round,
      attempt,
      now,
      deadlineFrom(now, participation),
      JSON.stringify(sampled),
    ],
  );
  await transaction.query("UPDATE runs SET state = 'running' WHERE id = $1", [id]);
}

async function readyClients(queries: Queries, run: string): Promise<number[]> {
  const rows = await queries.query<{ client: number }>(
    "SELECT client FROM seats WHERE run = $1 AND role = 'client' AND state = 'ready'",
    [run],
  );
  return rows.map(({ client }) => client);
}

/** Ready clients the first round waits for: those that were withdrawn will not come. */
function startSize({ seats, start, quorum }: Participation, withdrawn: number): number {
  return Math.max(quorum, Math.min(start, seats - withdrawn));
}

/** When an attempt ends whose time begins now. */
export function deadlineFrom(now: number, { deadlineSeconds }: Participation): number {
  return now + Math.ceil(1000 * deadlineSeconds);
}

/** Whether an attempt still takes updates. */
export function isOpen(attempt: AttemptRow, now: number): boolean {
  const { state, deadline } = attempt;
  return (state === "open" || state === "collecting") &&
    (now < deadline || isLeftAlone(attempt, now));
}

/**
 * The attempt that a client's message is for.
 *
 * @throws {ServiceError} round-closed, run-over, not-sampled, or conflict for one that never opened.
 */
export async function requireOpenAttempt(
  queries: Queries,
  { id, manifest, roundsDone, state }: RunRow,
  { round, attempt, client }: RoundAddress,
  now: number,
): Promise<AttemptRow> {
  // People count rounds and attempts from 1.
  const named = `round ${round + 1}, attempt ${attempt + 1}`;
  const latest = await latestAttempt(queries, id, round);
  if (latest === undefined || attempt > latest.attempt) {
    throw new ServiceError(
      "conflict",
      `Cannot take part in ${named}: it has not opened`,
      "wrong-round",
    );
  }
  if (state === "stopped" && round === roundsDone) {
    throw new ServiceError(
      "run-over",
      `Cannot take part in round ${round + 1}: run "${id}" was stopped`,
      "round-closed",
    );
  }
  const open = round === roundsDone && attempt === latest.attempt && isOpen(latest, now);
  // One that has all it aims for is closed, whether or not a process came to mark it.
  const { perRound } = manifest.participation;
  if (!open || await receivedCount(queries, id, latest) >= perRound) {
    throw new ServiceError(
      "round-closed",
      `Cannot take part in ${named}: it is closed; ask for the next task`,
      "round-closed",
    );
  }
  if (!latest.sampled.includes(client)) {
    throw new ServiceError(
      "not-sampled",
      `Cannot take client ${client} into ${named}: it was not sampled for it`,
      "not-sampled",
    );
  }
  return latest;
}
