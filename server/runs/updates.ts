/**
 * Accepting updates: checked outside the transaction, one at a time; counted inside it, once.
 *
 * @module
 */

import { sha256Hex } from "../../src/protocol/hash.ts";
import type { AcceptedUpdate } from "../../src/protocol/http/documents.ts";
import type { BlobWriter } from "../store/blobs.ts";
import type { Queries } from "../store/database.ts";
import { requireOpenAttempt } from "./attempts.ts";
import { currentBank } from "./banks.ts";
import { changeRun } from "./change_run.ts";
import { type CheckedUpdate, checkUpdate } from "./check_update.ts";
import { dealFor } from "./deals.ts";
import { spendNonce } from "./nonces.ts";
import { recorded } from "./refusals.ts";
import { requireMember, requireRun } from "./rows.ts";
import { type RoundAddress, type Service, ServiceError, type Signed } from "./service.ts";

/** An update's place: the client's own id for it, made anew for each round it trains. */
export type UpdateAddress = RoundAddress & { readonly update: string };

const idForm = /^[A-Za-z0-9_-]{16,64}$/;

/**
 * Accepts a client's update of a round in progress. The same bytes under the same id are accepted again at any time, and counted once.
 *
 * Takes the upload over: it is finished or abandoned. Call `advance` with this run after it.
 *
 * @throws {ServiceError} when the update is refused; the refusal is written down and ends no round.
 */
export async function acceptUpdate(
  service: Service,
  run: string,
  address: UpdateAddress,
  upload: BlobWriter,
  signed: Signed,
): Promise<AcceptedUpdate> {
  let kept = false;
  try {
    const accepted = await recorded(service, run, address, async () => {
      checkId(address.update);
      const { digest, checked } = await service.memory.checking(() =>
        check(service, run, address, upload)
      );
      return await accept(service, run, { ...address, digest, checked }, upload, signed);
    });
    kept = !accepted.repeated;
    return accepted;
  } finally {
    if (!kept) await upload.abandon();
  }
}

/** Reads and checks an upload; an id that is known is left to the transaction. What comes too late is not read. */
async function check(
  service: Service,
  id: string,
  address: UpdateAddress,
  upload: BlobWriter,
): Promise<{ digest: string; checked: CheckedUpdate | undefined }> {
  const { db } = service;
  const run = await requireRun(db, id);
  await requireMember(db, id, address.client);
  if (await acceptedUpdate(db, id, address.update)) {
    return { digest: await sha256Hex(await upload.read()), checked: undefined };
  }
  const attempt = await requireOpenAttempt(db, run, address, service.now());
  const bytes = await upload.read();
  const digest = await sha256Hex(bytes);
  const bank = await currentBank(service, run);
  const deal = await dealFor(service, run, attempt, address.client);
  const { manifest } = run;
  return { digest, checked: checkUpdate(bytes, { run: id, manifest, bank, deal }) };
}

async function accept(
  service: Service,
  run: string,
  update: UpdateAddress & { digest: string; checked: CheckedUpdate | undefined },
  upload: BlobWriter,
  signed: Signed,
): Promise<AcceptedUpdate> {
  const { round, attempt, client, digest, checked } = update;
  const now = service.now();
  return await changeRun(service, "accept-update", run, async (transaction, row) => {
    await requireMember(transaction, run, client);
    await spendNonce(transaction, signed, now);
    const known = await acceptedUpdate(transaction, run, update.update);
    if (known) {
      const same = known.client === client && known.digest === digest;
      if (same && known.round === round && known.attempt === attempt) {
        return { update: update.update, repeated: true };
      }
      throw duplicate(`Cannot take update "${update.update}": its id stands for another one`);
    }
    await requireOpenAttempt(transaction, row, update, now);
    const [other] = await transaction.query(
      "SELECT 1 AS found FROM updates " +
        "WHERE run = $1 AND round = $2 AND attempt = $3 AND client = $4",
      [run, round, attempt, client],
    );
    if (other) {
      throw duplicate(`Cannot take a second update of client ${client} in round ${round + 1}`);
    }
    // Known when it was checked and gone since: only a withdrawal does that, and it was noticed above.
    if (!checked) throw new Error(`Update "${update.update}" vanished while it was sent again`);
    const { id: blob } = await upload.finish(transaction);
    await transaction.query(
      "INSERT INTO updates (run, update_id, round, attempt, client, digest, samples, sizes, " +
        "blob, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      [
        run,
        update.update,
        round,
        attempt,
        client,
        digest,
        checked.samples,
        JSON.stringify(checked.sizes),
        blob,
        now,
      ],
    );
    await transaction.query("UPDATE seats SET samples = $3 WHERE run = $1 AND client = $2", [
      run,
      client,
      checked.samples,
    ]);
    return { update: update.update, repeated: false };
  });
}

async function acceptedUpdate(
  queries: Queries,
  run: string,
  update: string,
): Promise<(RoundAddress & { readonly digest: string }) | undefined> {
  const [known] = await queries.query<RoundAddress & { readonly digest: string }>(
    "SELECT round, attempt, client, digest FROM updates WHERE run = $1 AND update_id = $2",
    [run, update],
  );
  return known;
}

function checkId(update: string): void {
  if (idForm.test(update)) return;
  throw new ServiceError(
    "malformed",
    `Cannot take update "${update}": expected an id of 16 to 64 letters, digits, - and _`,
    "malformed",
  );
}

function duplicate(message: string): ServiceError {
  return new ServiceError("conflict", message, "duplicate");
}
