/**
 * Published banks.
 *
 * @module
 */

import type { AdapterBank } from "../../src/protocol/bank.ts";
import { decodeBank } from "../../src/protocol/bank_codec.ts";
import { decodeMoments } from "../../src/protocol/moments_codec.ts";
import { readBlob } from "../store/blobs.ts";
import type { Queries } from "../store/database.ts";
import { requireRun, type RunRow } from "./rows.ts";
import { type Service, ServiceError } from "./service.ts";

/** A stored file: stream it with `streamBlob(service.db, blob)`. */
export interface StoredFile {
  readonly blob: string;
  readonly size: number;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
}

/** A bank as it is stored. @throws {ServiceError} not-found when it is not published, or swept. */
export async function bankOf(
  service: Service,
  run: string,
  rounds: number | "latest",
): Promise<StoredFile & { readonly rounds: number }> {
  await requireRun(service.db, run);
  return await storedBank(service.db, run, rounds);
}

/** The bank that the run trains now, from this process's memory where it is there. */
export async function currentBank(
  service: Service,
  { id, roundsDone }: RunRow,
): Promise<AdapterBank> {
  const { banks } = service.memory;
  const known = banks.get(id);
  if (known?.rounds === roundsDone) return await known.bank;
  const bank = readBank(service, id, roundsDone);
  // Who asks for an older one is late: the newer one stays.
  if (known !== undefined && known.rounds > roundsDone) return await bank;
  const entry = { rounds: roundsDone, bank };
  banks.set(id, entry);
  try {
    return await bank;
  } catch (error) {
    if (banks.get(id) === entry) banks.delete(id);
    throw error;
  }
}

async function readBank({ db }: Service, run: string, rounds: number): Promise<AdapterBank> {
  const { blob, moments } = await storedBank(db, run, rounds);
  const bank = decodeBank(await readBlob(db, blob));
  if (moments === null) return bank;
  return { ...bank, moments: decodeMoments(await readBlob(db, moments), bank) };
}

/** A row of `banks` with the size of its blob. */
interface BankRow extends StoredFile {
  readonly rounds: number;
  /** Blob of the server optimizer's moments; null without an optimizer, and where a later bank has its own. */
  readonly moments: string | null;
}

async function storedBank(
  queries: Queries,
  run: string,
  rounds: number | "latest",
): Promise<BankRow> {
  const [row] = await queries.query<BankRow>(
    "SELECT banks.rounds, banks.blob, banks.digest, banks.moments, blobs.size " +
      "FROM banks JOIN blobs ON blobs.id = banks.blob WHERE banks.run = $1 " +
      (rounds === "latest" ? "ORDER BY banks.rounds DESC LIMIT 1" : "AND banks.rounds = $2"),
    rounds === "latest" ? [run] : [run, rounds],
  );
  if (row) return row;
  const which = rounds === "latest" ? "a bank" : `the bank after ${rounds} rounds`;
  throw new ServiceError(
    "not-found",
    `Cannot find ${which} of run "${run}": it is not published, or no longer kept`,
  );
}
