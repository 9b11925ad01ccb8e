import type { Transaction } from "../store/database.ts";
import type { Step } from "../store/steps.ts";
import { requireRun, type RunRow } from "./rows.ts";
import type { Service } from "./service.ts";

/**
 * Changes a run in one transaction that no other of this run overlaps, and tells of it once it is committed. `work` gets the run as it is under
 * the lock; it may be called again and must have no other effects.
 *
 * @throws {ServiceError} not-found.
 */
export async function changeRun<T>(
  service: Service,
  step: Step,
  run: string,
  work: (transaction: Transaction, row: RunRow) => Promise<T>,
): Promise<T> {
  const result = await service.db.transaction(step, async (transaction) => {
    await transaction.lockRun(run);
    const row = await requireRun(transaction, run);
    const result = await work(transaction, row);
    await transaction.query("UPDATE runs SET revision = revision + 1 WHERE id = $1", [run]);
    return result;
  });
  service.changed(run);
  return result;
}
