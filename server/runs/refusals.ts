/**
 * Refused messages of clients: all are counted, and kept with who and why, never dropped silently. They end no round.
 *
 * @module
 */

import type { RejectReason } from "../../src/protocol/http/documents.ts";
import type { Transaction } from "../store/database.ts";
import { writeAudit } from "./audit.ts";
import { type Service, ServiceError } from "./service.ts";
import { oneLine } from "./text.ts";

/** A refused message. */
export interface Refusal {
  /** The client's index; null where the sender is not known. */
  readonly client: number | null;
  /** The round the message named; null where it named none. */
  readonly round: number | null;
  readonly reason: RejectReason;
  /** In a sentence. */
  readonly detail: string;
}

/** Refused messages of a client in a run that are written down one by one. */
const KEPT_IN_FULL = 1000;
/** After those one of so many is: a client that floods its run must not fill the disk, with an audit log from which nothing is ever deleted. */
const KEPT_ONE_OF = 100;

/** Counts a refusal and writes it down; `run` is null where the message named none that exists. */
export async function reject(
  service: Service,
  run: string | null,
  { client, round, reason, detail }: Refusal,
): Promise<void> {
  const time = service.now();
  await service.db.transaction("reject", async (transaction) => {
    if (run !== null) {
      // First, as in every transaction of a run, so that none wait for each other in a circle.
      await transaction.query("UPDATE runs SET revision = revision + 1 WHERE id = $1", [run]);
      const count = await countRefusal(transaction, run, client, reason);
      if (count > KEPT_IN_FULL && count % KEPT_ONE_OF !== 0) return;
    }
    await transaction.query(
      "INSERT INTO rejects (run, time, client, round, reason, detail) " +
        "VALUES ($1, $2, $3, $4, $5, $6)",
      [run, time, client, round, reason, oneLine(detail)],
    );
    const actor = client === null ? "unknown" : `client ${client}`;
    await writeAudit(transaction, {
      time,
      actor,
      act: "refused",
      run,
      detail: `${reason}: ${detail}`,
    });
  });
  service.log("refused", { run, client, round, reason, detail: oneLine(detail) });
  if (run !== null) service.changed(run);
}

/** @returns how many of this sender there are now. */
async function countRefusal(
  transaction: Transaction,
  run: string,
  client: number | null,
  reason: RejectReason,
): Promise<number> {
  const sender = client ?? -1;
  await transaction.query(
    "INSERT INTO reject_counts (run, client, reason, count) VALUES ($1, $2, $3, 1) " +
      "ON CONFLICT (run, client, reason) DO UPDATE SET count = reject_counts.count + 1",
    [run, sender, reason],
  );
  const [{ count }] = await transaction.query<{ count: number }>(
    "SELECT SUM(count) AS count FROM reject_counts WHERE run = $1 AND client = $2",
    [run, sender],
  );
  return count;
}

/** Runs `work` on a client's message; a refusal with a reason is written down before it goes on. */
export async function recorded<T>(
  service: Service,
  run: string,
  { client, round }: { readonly client: number; readonly round: number | null },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ServiceError && error.reason !== undefined) {
      const { reason, message } = error;
      await reject(service, run, { client, round, reason, detail: message });
    }
    throw error;
  }
}
