/**
 * What is kept of a published bank when the bank itself is gone.
 *
 * @module
 */

import type { AdapterBank } from "../../src/protocol/bank.ts";
import type { RoundStatus } from "../../src/protocol/http/documents.ts";
import { NO_BYTES } from "../../src/protocol/records.ts";
import { trainedShare } from "../../src/protocol/trained_share.ts";
import type { Queries, Transaction } from "../store/database.ts";
import type { FoldedRound } from "./fold.ts";
import { downBytes, upBytes } from "./round_bytes.ts";
import type { AttemptRow } from "./rows.ts";

/** A published round without what evaluations add to it. */
export type BankRecord = Omit<RoundStatus, "heldOut" | "evaluators">;

/** A bank that is stored. */
interface PublishedBank {
  readonly digest: string;
  readonly publishedAt: number;
}

/** The record of the bank a run starts from. */
export function initialRecord(
  bank: AdapterBank,
  { digest, publishedAt }: PublishedBank,
): BankRecord {
  return {
    round: 0,
    attempts: 0,
    sampled: [],
    contributors: [],
    samples: 0,
    upBytes: NO_BYTES,
    downBytes: NO_BYTES,
    trainedShare: trainedShare(bank),
    scores: listsOf(bank),
    selected: bank.modules.map(() => new Array<number>(bank.rank).fill(0)),
    openedAt: null,
    publishedAt,
    bankDigest: digest,
  };
}

/** The record of a round's bank. */
export async function roundRecord(
  queries: Queries,
  run: string,
  { round, attempt, sampled }: AttemptRow,
  { bank, contributors, samples, selected }: FoldedRound,
  { digest, publishedAt }: PublishedBank,
): Promise<BankRecord> {
  const [{ openedAt }] = await queries.query<{ openedAt: number }>(
    'SELECT MIN(opened_at) AS "openedAt" FROM rounds WHERE run = $1 AND round = $2',
    [run, round],
  );
  return {
    round: round + 1,
    attempts: attempt + 1,
    sampled,
    contributors,
    samples,
    upBytes: await upBytes(queries, run, round),
    downBytes: await downBytes(queries, run, round),
    trainedShare: trainedShare(bank),
    scores: listsOf(bank),
    selected,
    openedAt,
    publishedAt,
    bankDigest: digest,
  };
}

/** Blobs of a bank, finished in the transaction that publishes it. */
export interface BankBlobs {
  /** The bank as everyone may have it. */
  readonly blob: string;
  /** The server optimizer's moments, for the next round. */
  readonly moments: string | null;
}

/** Publishes a bank. */
export async function insertBank(
  transaction: Transaction,
  run: string,
  { blob, moments }: BankBlobs,
  record: BankRecord,
): Promise<void> {
  const { round, bankDigest, publishedAt } = record;
  await transaction.query(
    "INSERT INTO banks (run, rounds, blob, moments, digest, record, published_at) " +
      "VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [run, round, blob, moments, bankDigest, JSON.stringify(record), publishedAt],
  );
}

/** Deletes the moments of the bank after some rounds: no round starts from it any more. */
export async function deleteMoments(
  transaction: Transaction,
  run: string,
  rounds: number,
): Promise<void> {
  await transaction.query(
    "DELETE FROM blobs WHERE id IN " +
      "(SELECT moments FROM banks WHERE run = $1 AND rounds = $2 AND moments IS NOT NULL)",
    [run, rounds],
  );
}

function listsOf({ scores }: AdapterBank): number[][] {
  return scores.map((list) => [...list]);
}
