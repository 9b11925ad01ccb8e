/**
 * From a closed round to the next bank. All of it can be done again from the database until the transaction that publishes.
 *
 * @module
 */

import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { encodeMoments } from "../../src/protocol/moments_codec.ts";
import { type BlobWriter, createBlob } from "../store/blobs.ts";
import type { Queries, Transaction } from "../store/database.ts";
import { openAttempt } from "./attempts.ts";
import { writeAudit } from "./audit.ts";
import { deleteMoments, insertBank, roundRecord } from "./bank_record.ts";
import { changeRun } from "./change_run.ts";
import { type DamagedUpdate, type FoldedRound, foldUpdates } from "./fold.ts";
import { type AttemptRow, findRun, latestAttempt, type RunRow } from "./rows.ts";
import type { Service } from "./service.ts";
import { deleteUpdate, deleteUpdateBlobs } from "./delete_updates.ts";

/**
 * Aggregates and publishes the round of a run that is closed, unless another process is at it. An update that is damaged is dropped instead: the
 * round must not wait for it for ever.
 *
 * @returns whether something was done, so that more may be due.
 */
export async function aggregateRound(service: Service, id: string): Promise<boolean> {
  let done = false;
  await service.db.exclusively(`aggregate ${id}`, async () => {
    const run = await findRun(service.db, id);
    const attempt = run && await closedAttempt(service.db, run);
    if (!run || !attempt) return;
    const folded = await foldUpdates(service, run, attempt);
    done = "damage" in folded
      ? await dropDamaged(service, run.id, attempt, folded)
      : await publish(service, run, attempt, folded);
  });
  return done;
}

async function dropDamaged(
  service: Service,
  run: string,
  attempt: AttemptRow,
  { client, damage }: DamagedUpdate,
): Promise<boolean> {
  const time = service.now();
  const dropped = await changeRun(service, "reject", run, async (transaction, row) => {
    // Whoever publishes or stops the run deletes the bodies of updates: those are not damaged.
    if (!isSame(await closedAttempt(transaction, row), attempt)) return false;
    await deleteUpdate(transaction, run, { ...attempt, client });
    const detail = `update of client ${client} in round ${attempt.round + 1}: ${damage}`;
    await writeAudit(transaction, { time, actor: "server", act: "drop", run, detail });
    return true;
  });
  if (dropped) service.log("update-dropped", { run, client, round: attempt.round, damage });
  return dropped;
}

/** Whether an attempt is still the one that was looked at. */
function isSame(current: AttemptRow | undefined, { round, attempt }: AttemptRow): boolean {
  return current?.round === round && current.attempt === attempt;
}

async function closedAttempt(
  queries: Queries,
  { id, state, roundsDone }: RunRow,
): Promise<AttemptRow | undefined> {
  const attempt = await latestAttempt(queries, id, roundsDone);
  return state === "running" && attempt?.state === "aggregating" ? attempt : undefined;
}

async function publish(
  service: Service,
  run: RunRow,
  attempt: AttemptRow,
  folded: FoldedRound,
): Promise<boolean> {
  const { id, manifest } = run;
  const { bank } = folded;
  const upload = createBlob(service.db, service.now());
  const moments = createBlob(service.db, service.now());
  let published = false;
  try {
    await upload.write(encodeBank(bank));
    const isLast = attempt.round + 1 === manifest.rounds;
    if (bank.moments && !isLast) await moments.write(encodeMoments(bank.moments, bank));
    published = await changeRun(service, "publish-round", id, async (transaction, row) => {
      // The hold on the key may have been lost with a connection, or the run stopped.
      if (!isSame(await closedAttempt(transaction, row), attempt)) return false;
      await publishIn(transaction, row, attempt, folded, { upload, moments }, service.now());
      return true;
    });
  } finally {
    if (!published) await Promise.all([upload.abandon(), moments.abandon()]);
  }
  if (published) {
    const rounds = attempt.round + 1;
    const { contributors } = folded;
    service.memory.deals.delete(id);
    if (rounds === manifest.rounds) service.memory.banks.delete(id);
    else service.memory.banks.set(id, { rounds, bank: Promise.resolve(bank) });
    service.log("round-published", { run: id, rounds, clients: contributors.length });
  }
  return published;
}

async function publishIn(
  transaction: Transaction,
  run: RunRow,
  attempt: AttemptRow,
  folded: FoldedRound,
  { upload, moments }: { readonly upload: BlobWriter; readonly moments: BlobWriter },
  now: number,
): Promise<void> {
  const { id, manifest } = run;
  const roundsDone = attempt.round + 1;
  const { id: blob, digest } = await upload.finish(transaction);
  const kept = moments.size > 0 ? (await moments.finish(transaction)).id : null;
  const published = { digest, publishedAt: now };
  const record = await roundRecord(transaction, id, attempt, folded, published);
  await insertBank(transaction, id, { blob, moments: kept }, record);
  await deleteMoments(transaction, id, attempt.round);
  await deleteUpdateBlobs(transaction, id, attempt.round);
  // Summed up in the record; a thousand clients' choices of a thousand rounds would fill the disk.
  for (const table of ["choices", "downloads"]) {
    await transaction.query(`DELETE FROM ${table} WHERE run = $1 AND round = $2`, [
      id,
      attempt.round,
    ]);
  }
  await transaction.query(
    "UPDATE rounds SET state = 'published' WHERE run = $1 AND round = $2 AND attempt = $3",
    [id, attempt.round, attempt.attempt],
  );
  await transaction.query("UPDATE runs SET rounds_done = $2 WHERE id = $1", [id, roundsDone]);
  if (roundsDone < manifest.rounds) {
    await openAttempt(transaction, { id, manifest, roundsDone }, now);
  } else {
    await transaction.query("UPDATE runs SET state = 'finished', ended_at = $2 WHERE id = $1", [
      id,
      now,
    ]);
  }
}
