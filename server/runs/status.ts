/**
 * A run as the administrator sees it.
 *
 * @module
 */

import type {
  CurrentRound,
  RejectReason,
  RejectStatus,
  RoundStatus,
  RunStatus,
  RunSummaryStatus,
} from "../../src/protocol/http/documents.ts";
import type { RunManifest } from "../../src/protocol/manifest.ts";
import { taskOf } from "../../src/protocol/manifest_task.ts";
import { ranksText } from "../../src/protocol/ranks.ts";
import type { Queries } from "../store/database.ts";
import type { BankRecord } from "./bank_record.ts";
import { type BankScores, NO_SCORES } from "./evaluations.ts";
import { allRuns, latestAttempt, receivedClients, requireRun, type RunRow } from "./rows.ts";
import { seatStatuses } from "./seat_status.ts";
import type { Service } from "./service.ts";

/** The status of a run. What changes while it is read comes with a later revision. @throws {ServiceError} not-found. */
export async function runStatus(service: Service, run: string): Promise<RunStatus> {
  const { db } = service;
  // First, so that the revision is never newer than what is told with it.
  const row = await requireRun(db, run);
  const { manifest, revision, retries } = row;
  const current = await currentRound(db, row);
  return {
    ...summaryOf(row),
    revision,
    task: taskOf(manifest),
    labels: manifest.labels.length,
    modules: manifest.layout.modules.map(({ name }) => name),
    rank: manifest.layout.rank,
    facts: factsOf(manifest),
    retries,
    current,
    seats: await seatStatuses(service, run, current),
    published: await publishedRounds(db, run),
    rejectCounts: await rejectCounts(db, run),
    rejects: await latestRejects(db, run),
    serverTime: service.now(),
  };
}

/** All runs, newest first. */
export async function listRuns({ db }: Service): Promise<RunSummaryStatus[]> {
  return (await allRuns(db)).map(summaryOf);
}

/** What all parties of a run agree on. @throws {ServiceError} not-found. */
export async function manifestOf({ db }: Service, run: string): Promise<RunManifest> {
  return (await requireRun(db, run)).manifest;
}

function summaryOf(row: RunRow): RunSummaryStatus {
  const { id: run, name, state, roundsDone, manifest, createdAt } = row;
  return { run, name, state, roundsDone, rounds: manifest.rounds, createdAt };
}

function factsOf({ model, method, ranks, participation }: RunManifest): RunStatus["facts"] {
  const { seats, perRound, quorum, deadlineSeconds } = participation;
  return {
    model: model.name,
    method: `${method.method} + ${method.aggregation}`,
    ranks: ranks.kind === "fixed"
      ? `fixed: ${ranksText(ranks.ranks)}`
      : ranks.kind === "auto"
      ? `auto: ${ranks.tiers.join(", ")}`
      : "stated by the clients",
    seats,
    perRound,
    quorum,
    deadlineSeconds,
  };
}

async function currentRound(
  queries: Queries,
  { id, state, roundsDone }: RunRow,
): Promise<CurrentRound | null> {
  const attempt = await latestAttempt(queries, id, roundsDone);
  if (state !== "running" || attempt === undefined) return null;
  return { ...attempt, received: await receivedClients(queries, id, attempt) };
}

async function publishedRounds(queries: Queries, run: string): Promise<RoundStatus[]> {
  const rows = await queries.query<{ record: string; scores: string | null }>(
    "SELECT record, scores FROM banks WHERE run = $1 ORDER BY rounds",
    [run],
  );
  return rows.map(({ record, scores }) => {
    const published: BankRecord = JSON.parse(record);
    const { heldOut, evaluators }: BankScores = scores === null ? NO_SCORES : JSON.parse(scores);
    return { ...published, heldOut, evaluators };
  });
}

async function rejectCounts(
  queries: Queries,
  run: string,
): Promise<Partial<Record<RejectReason, number>>> {
  const rows = await queries.query<{ reason: RejectReason; count: number }>(
    "SELECT reason, SUM(count) AS count FROM reject_counts WHERE run = $1 " +
      "GROUP BY reason ORDER BY reason",
    [run],
  );
  return Object.fromEntries(rows.map(({ reason, count }) => [reason, count]));
}

async function latestRejects(queries: Queries, run: string): Promise<RejectStatus[]> {
  return await queries.query<RejectStatus>(
    "SELECT time, client, round, reason, detail FROM rejects WHERE run = $1 " +
      "ORDER BY id DESC LIMIT 100",
    [run],
  );
}
