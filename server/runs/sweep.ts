/**
 * Throwing away what is of no use any more.
 *
 * @module
 */

import { sweepIncompleteBlobs } from "../store/blobs.ts";
import type { Transaction } from "../store/database.ts";
import { changeRun } from "./change_run.ts";
import { bestRounds, scoresOf } from "./evaluations.ts";
import { NONCE_LIFE } from "./nonces.ts";
import type { RunRow } from "./rows.ts";
import type { Service } from "./service.ts";

/** How long an upload may take at most; then its chunks are taken for those of a process that died. */
const UPLOAD_LIFE = 24 * 3600_000;

/** The latest banks that are kept, beside the initial and the best one. */
const LATEST_BANKS = 3;

/** Deletes chunks of uploads that never ended, nonces past the signatures' window, and banks that nobody will ask for; their records stay. */
export async function sweep(service: Service): Promise<void> {
  const now = service.now();
  await service.db.transaction("sweep", async (transaction) => {
    await sweepIncompleteBlobs(transaction, now - UPLOAD_LIFE);
    await transaction.query("DELETE FROM nonces WHERE seen_at < $1", [now - NONCE_LIFE]);
  });
  const crowded = await service.db.query<{ run: string }>(
    "SELECT run FROM banks WHERE blob IS NOT NULL GROUP BY run HAVING COUNT(*) > $1",
    [LATEST_BANKS + 2], // the initial and the best one
  );
  for (const { run } of crowded) {
    await changeRun(service, "sweep", run, sweepBanks);
  }
}

async function sweepBanks(transaction: Transaction, { id, roundsDone }: RunRow): Promise<void> {
  const best = bestRounds(await scoresOf(transaction, id)) ?? 0;
  await transaction.query(
    "DELETE FROM blobs WHERE id IN (SELECT blob FROM banks WHERE run = $1 AND blob IS NOT NULL " +
      "AND rounds > 0 AND rounds <= $2 AND rounds <> $3)",
    [id, roundsDone - LATEST_BANKS, best],
  );
}
