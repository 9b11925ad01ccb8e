/**
 * Runs, seats and attempts as they lie in the database.
 *
 * @module
 */

import type {
  RoundState,
  RunState,
  SeatRole,
  SeatState,
} from "../../src/protocol/http/documents.ts";
import type { RunManifest } from "../../src/protocol/manifest.ts";
import type { Queries } from "../store/database.ts";
import { ServiceError } from "./service.ts";

/** A run. */
export interface RunRow {
  readonly id: string;
  readonly name: string;
  readonly manifest: RunManifest;
  readonly state: RunState;
  readonly roundsDone: number;
  readonly revision: number;
  readonly retries: number;
  readonly createdAt: number;
}

/** A seat of a run. */
export interface SeatRow {
  readonly client: number;
  readonly role: SeatRole;
  readonly state: SeatState;
  readonly name: string | null;
  readonly rank: number | null;
  readonly samples: number | null;
  readonly keyId: string | null;
  readonly lastContact: number | null;
  /** JSON. */
  readonly progress: string | null;
}

/** An attempt at a round. */
export interface AttemptRow {
  readonly round: number;
  readonly attempt: number;
  readonly state: RoundState;
  readonly openedAt: number;
  readonly deadline: number;
  /** Ascending. */
  readonly sampled: readonly number[];
}

const runColumns = 'id, name, manifest, state, rounds_done AS "roundsDone", revision, retries, ' +
  'created_at AS "createdAt"';
const seatColumns = 'client, role, state, name, rank, samples, key_id AS "keyId", ' +
  'last_contact AS "lastContact", progress';
const attemptColumns = 'round, attempt, state, opened_at AS "openedAt", deadline, sampled';

type StoredRun = Omit<RunRow, "manifest"> & { readonly manifest: string };

/** A run, or undefined. */
export async function findRun(queries: Queries, run: string): Promise<RunRow | undefined> {
  const [row] = await queries.query<StoredRun>(
    `SELECT ${runColumns} FROM runs WHERE id = $1`,
    [run],
  );
  return row && { ...row, manifest: JSON.parse(row.manifest) };
}

/** All runs, newest first. */
export async function allRuns(queries: Queries): Promise<RunRow[]> {
  const rows = await queries.query<StoredRun>(
    `SELECT ${runColumns} FROM runs ORDER BY created_at DESC, id`,
  );
  return rows.map((row) => ({ ...row, manifest: JSON.parse(row.manifest) }));
}

/** A run. @throws {ServiceError} not-found. */
export async function requireRun(queries: Queries, run: string): Promise<RunRow> {
  const row = await findRun(queries, run);
  if (row) return row;
  throw new ServiceError("not-found", `Cannot find run "${run}": there is none with this id`);
}

/** @throws {ServiceError} run-over when the run has ended or was stopped. */
export function requireLasting({ id, state }: RunRow): void {
  if (state === "finished" || state === "stopped") {
    throw new ServiceError("run-over", `Cannot change run "${id}": it is ${state}`);
  }
}

/** All seats of a run, ascending. */
export async function seatsOf(queries: Queries, run: string): Promise<SeatRow[]> {
  return await queries.query<SeatRow>(
    `SELECT ${seatColumns} FROM seats WHERE run = $1 ORDER BY client`,
    [run],
  );
}

/** The seat that an invitation is for, by the hash of its secret. */
export async function seatOfToken(
  queries: Queries,
  run: string,
  tokenHash: string,
): Promise<SeatRow | undefined> {
  const [seat] = await queries.query<SeatRow>(
    `SELECT ${seatColumns} FROM seats WHERE run = $1 AND token_hash = $2`,
    [run, tokenHash],
  );
  return seat;
}

/** A seat. @throws {ServiceError} not-found. */
export async function requireSeat(queries: Queries, run: string, client: number): Promise<SeatRow> {
  const [seat] = await queries.query<SeatRow>(
    `SELECT ${seatColumns} FROM seats WHERE run = $1 AND client = $2`,
    [run, client],
  );
  if (seat) return seat;
  throw new ServiceError("not-found", `Cannot find client ${client} of run "${run}"`);
}

/** A seat that takes part. @throws {ServiceError} not-found, withdrawn. */
export async function requireMember(
  queries: Queries,
  run: string,
  client: number,
): Promise<SeatRow> {
  const seat = await requireSeat(queries, run, client);
  if (seat.state !== "withdrawn") return seat;
  throw new ServiceError(
    "withdrawn",
    `Cannot serve client ${client}: it was withdrawn from run "${run}"`,
    "withdrawn",
  );
}

/** The latest attempt at a round; undefined before the first. */
export async function latestAttempt(
  queries: Queries,
  run: string,
  round: number,
): Promise<AttemptRow | undefined> {
  const [row] = await queries.query<Omit<AttemptRow, "sampled"> & { sampled: string }>(
    `SELECT ${attemptColumns} FROM rounds WHERE run = $1 AND round = $2 ` +
      "ORDER BY attempt DESC LIMIT 1",
    [run, round],
  );
  return row && { ...row, sampled: JSON.parse(row.sampled) };
}

/** How many updates of an attempt are there. */
export async function receivedCount(
  queries: Queries,
  run: string,
  { round, attempt }: Pick<AttemptRow, "round" | "attempt">,
): Promise<number> {
  const [{ count }] = await queries.query<{ count: number }>(
    "SELECT COUNT(*) AS count FROM updates WHERE run = $1 AND round = $2 AND attempt = $3",
    [run, round, attempt],
  );
  return count;
}

/** Whether a client's update of an attempt is there. */
export async function hasReceived(
  queries: Queries,
  run: string,
  { round, attempt }: Pick<AttemptRow, "round" | "attempt">,
  client: number,
): Promise<boolean> {
  const rows = await queries.query(
    "SELECT 1 AS found FROM updates " +
      "WHERE run = $1 AND round = $2 AND attempt = $3 AND client = $4",
    [run, round, attempt, client],
  );
  return rows.length > 0;
}

/** Clients whose update of an attempt is there, ascending. */
export async function receivedClients(
  queries: Queries,
  run: string,
  { round, attempt }: Pick<AttemptRow, "round" | "attempt">,
): Promise<number[]> {
  const rows = await queries.query<{ client: number }>(
    "SELECT client FROM updates WHERE run = $1 AND round = $2 AND attempt = $3 ORDER BY client",
    [run, round, attempt],
  );
  return rows.map(({ client }) => client);
}
