/**
 * The audit log: who did what, append-only.
 *
 * @module
 */

import type { Queries } from "../store/database.ts";
import type { Service } from "./service.ts";
import { oneLine } from "./text.ts";

/** An entry of the audit log. */
export interface AuditEntry {
  readonly id: number;
  readonly time: number;
  /** "admin", "server", a client by its index, or "unknown". */
  readonly actor: string;
  /** What, as a verb. */
  readonly act: string;
  readonly run: string | null;
  readonly detail: string;
}

/** An act that is not written yet. */
export type Act = Omit<AuditEntry, "id">;

/** Writes an entry as part of the transaction it speaks of. */
export async function writeAudit(transaction: Queries, act: Act): Promise<void> {
  await transaction.query(
    "INSERT INTO audit (time, actor, act, run, detail) VALUES ($1, $2, $3, $4, $5)",
    [act.time, oneLine(act.actor), act.act, act.run, oneLine(act.detail)],
  );
}

/** Writes an entry that stands alone. */
export async function audit(
  service: Service,
  actor: string,
  act: string,
  run: string | null,
  detail: string,
): Promise<void> {
  await service.db.transaction(
    "audit",
    (transaction) => writeAudit(transaction, { time: service.now(), actor, act, run, detail }),
  );
}

/** The latest entries, newest first. */
export async function auditLog(service: Service, limit: number): Promise<AuditEntry[]> {
  return await service.db.query<AuditEntry>(
    "SELECT id, time, actor, act, run, detail FROM audit ORDER BY id DESC LIMIT $1",
    [limit],
  );
}
