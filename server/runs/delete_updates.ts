/**
 * Deleting updates, and their bodies when they are of no use any more.
 *
 * @module
 */

import { deleteBlob } from "../store/blobs.ts";
import type { Transaction } from "../store/database.ts";
import type { RoundAddress } from "./service.ts";

/** Deletes the bodies of a round's updates, once their attempt ended. Their rows stay: a late retry is recognised by them. */
export async function deleteUpdateBlobs(
  transaction: Transaction,
  run: string,
  round: number,
): Promise<void> {
  await transaction.query(
    "DELETE FROM blobs WHERE id IN " +
      "(SELECT blob FROM updates WHERE run = $1 AND round = $2 AND blob IS NOT NULL)",
    [run, round],
  );
}

/** Deletes an update as if it had never come. @returns whether there was one. */
export async function deleteUpdate(
  transaction: Transaction,
  run: string,
  { round, attempt, client }: RoundAddress,
): Promise<boolean> {
  const deleted = await transaction.query<{ blob: string | null }>(
    "DELETE FROM updates WHERE run = $1 AND round = $2 AND attempt = $3 AND client = $4 " +
      "RETURNING blob",
    [run, round, attempt, client],
  );
  for (const { blob } of deleted) if (blob !== null) await deleteBlob(transaction, blob);
  return deleted.length > 0;
}
