/**
 * What a client is to do next.
 *
 * @module
 */

import { clientsChoose } from "../../src/protocol/client_choice.ts";
import type { ClientTask } from "../../src/protocol/http/documents.ts";
import { isOpen } from "./attempts.ts";
import { choiceOf } from "./deals.ts";
import {
  hasReceived,
  latestAttempt,
  receivedCount,
  requireMember,
  requireRun,
  type RunRow,
} from "./rows.ts";
import type { Service } from "./service.ts";

/** @throws {ServiceError} not-found, withdrawn. */
export async function nextTask(
  service: Service,
  run: string,
  client: number,
): Promise<ClientTask> {
  const row = await requireRun(service.db, run);
  const seat = await requireMember(service.db, run, client);
  const { state, roundsDone: rounds } = row;
  if (state === "stopped") return { kind: "stopped", rounds };
  if (seat.role === "evaluator") return await evaluatorTask(service, row, client);
  if (state === "finished") return { kind: "finished", rounds };
  if (state !== "running") return { kind: "wait", reason: "clients" };
  const attempt = await latestAttempt(service.db, run, rounds);
  const wait: ClientTask = { kind: "wait", reason: "round" };
  if (!attempt?.sampled.includes(client) || !isOpen(attempt, service.now())) return wait;
  if (await hasReceived(service.db, run, attempt, client)) return wait;
  const { perRound } = row.manifest.participation;
  if (await receivedCount(service.db, run, attempt) >= perRound) return wait;
  const chooses = clientsChoose(row.manifest.method, rounds) &&
    await choiceOf(service, run, attempt, client) === undefined;
  return {
    kind: chooses ? "choose" : "train",
    round: attempt.round,
    attempt: attempt.attempt,
    rank: seat.rank!,
    deadline: attempt.deadline,
  };
}

/** The first bank that is kept and that the evaluator has not scored. */
async function evaluatorTask(
  { db }: Service,
  { id, state, roundsDone }: RunRow,
  client: number,
): Promise<ClientTask> {
  const [next] = await db.query<{ rounds: number }>(
    "SELECT rounds FROM banks WHERE run = $1 AND blob IS NOT NULL AND NOT EXISTS " +
      "(SELECT 1 FROM evaluations WHERE evaluations.run = banks.run " +
      "AND evaluations.rounds = banks.rounds AND evaluations.client = $2) " +
      "ORDER BY rounds LIMIT 1",
    [id, client],
  );
  if (next) return { kind: "evaluate", rounds: next.rounds };
  if (state === "finished") return { kind: "finished", rounds: roundsDone };
  return { kind: "wait", reason: state === "running" ? "round" : "clients" };
}
