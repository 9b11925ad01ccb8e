import type { Transaction } from "../store/database.ts";

/** Deletes the bodies of a round's updates, which are of no use once their attempt ended. Their rows stay: a late retry is recognised by them. */
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
