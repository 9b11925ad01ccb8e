/**
 * Refused messages of clients: counted and kept with who and why, never dropped silently. They end no round.
 *
 * @module
 */

import type { RejectReason } from "../../src/protocol/http/documents.ts";
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

/** Writes a refusal down; `run` is null where the message named none that exists. */
export async function reject(
  service: Service,
  run: string | null,
  { client, round, reason, detail }: Refusal,
): Promise<void> {
  const time = service.now();
  await service.db.transaction("reject", async (transaction) => {
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
    if (run === null) return;
    await transaction.query("UPDATE runs SET revision = revision + 1 WHERE id = $1", [run]);
  });
  service.log("refused", { run, client, round, reason, detail: oneLine(detail) });
  if (run !== null) service.changed(run);
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
