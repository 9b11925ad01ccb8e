/**
 * Ending early: one client's part, or a whole run.
 *
 * @module
 */

import type { Transaction } from "../store/database.ts";
import { isOpen, openAttempt } from "./attempts.ts";
import { writeAudit } from "./audit.ts";
import { changeRun } from "./change_run.ts";
import { latestAttempt, requireLasting, requireSeat, type RunRow } from "./rows.ts";
import type { Service } from "./service.ts";
import { deleteUpdate, deleteUpdateBlobs } from "./delete_updates.ts";

/**
 * Revokes a client's key for good. Its update in the attempt that is open is dropped and the round goes on without it: call `advance` with this
 * run after it. What was aggregated stays.
 *
 * @throws {ServiceError} not-found.
 */
export async function withdraw(
  service: Service,
  run: string,
  client: number,
  actor: string,
): Promise<void> {
  const time = service.now();
  await changeRun(service, "withdraw", run, async (transaction, row) => {
    const seat = await requireSeat(transaction, run, client);
    if (seat.state === "withdrawn") return;
    await transaction.query(
      "UPDATE seats SET state = 'withdrawn' WHERE run = $1 AND client = $2",
      [run, client],
    );
    await dropUpdate(transaction, row, client, time);
    const detail = `${seat.role} ${client}`;
    await writeAudit(transaction, { time, actor, act: "withdraw", run, detail });
    // Those who are ready may be all that are still to come.
    if (row.state === "waiting") await openAttempt(transaction, row, time);
  });
}

async function dropUpdate(
  transaction: Transaction,
  { id, roundsDone }: RunRow,
  client: number,
  now: number,
): Promise<void> {
  const attempt = await latestAttempt(transaction, id, roundsDone);
  if (!attempt || !isOpen(attempt, now)) return;
  await deleteUpdate(transaction, id, { ...attempt, client });
}

/** Ends a run as it is; its banks stay. @throws {ServiceError} not-found, run-over. */
export async function stopRun(service: Service, run: string, actor: string): Promise<void> {
  const time = service.now();
  await changeRun(service, "stop-run", run, async (transaction, row) => {
    if (row.state === "stopped") return;
    requireLasting(row);
    await transaction.query("UPDATE runs SET state = 'stopped', ended_at = $2 WHERE id = $1", [
      run,
      time,
    ]);
    await deleteUpdateBlobs(transaction, run, row.roundsDone);
    const detail = `after ${row.roundsDone} rounds`;
    await writeAudit(transaction, { time, actor, act: "stop", run, detail });
  });
  service.memory.banks.delete(run);
  service.memory.deals.delete(run);
}
