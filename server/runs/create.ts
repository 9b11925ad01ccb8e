/**
 * Making a run: its manifest, then its initial bank.
 *
 * @module
 */

import { loadAggregator } from "../../src/protocol/aggregate/load_aggregator.ts";
import { type AdapterBank } from "../../src/protocol/bank.ts";
import { decodeBank, encodeBank } from "../../src/protocol/bank_codec.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { sha256Hex } from "../../src/protocol/hash.ts";
import type { RunManifest } from "../../src/protocol/manifest.ts";
import { SafetensorsError } from "../../src/protocol/safetensors.ts";
import type { BlobWriter } from "../store/blobs.ts";
import { openAttempt } from "./attempts.ts";
import { writeAudit } from "./audit.ts";
import { initialRecord, insertBank } from "./bank_record.ts";
import { changeRun } from "./change_run.ts";
import { checkManifest } from "./check_manifest.ts";
import { requireLasting, requireRun } from "./rows.ts";
import { type Service, ServiceError } from "./service.ts";

/** Makes a run that waits for its bank. @returns its id. @throws {ServiceError} malformed, conflict when its aggregation cannot be had here. */
export async function createRun(
  service: Service,
  value: unknown,
  actor: string,
): Promise<string> {
  const manifest = checkManifest(value);
  await requireRule(manifest);
  const { name } = manifest;
  const run = newRunId();
  const time = service.now();
  await service.db.transaction("create-run", async (transaction) => {
    await transaction.query(
      "INSERT INTO runs (id, name, manifest, state, created_at) VALUES ($1, $2, $3, 'draft', $4)",
      [run, name, JSON.stringify(manifest), time],
    );
    await writeAudit(transaction, { time, actor, act: "create", run, detail: name });
  });
  service.changed(run);
  return run;
}

/** A rule whose package cannot be had would fail a round that clients have trained. */
async function requireRule({ method: { aggregation } }: RunManifest): Promise<void> {
  try {
    await loadAggregator(aggregation);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new ServiceError("conflict", `Cannot aggregate by ${aggregation}: ${error.message}`);
  }
}

/**
 * Gives a run its initial bank; it then waits for its clients, or starts when they are all there. The same bank again is fine.
 *
 * Takes the upload over: it is finished or abandoned.
 *
 * @throws {ServiceError} malformed when it is not the bank of the manifest, conflict when the run has another.
 */
export async function attachBank(
  service: Service,
  run: string,
  upload: BlobWriter,
  actor: string,
): Promise<void> {
  let attached = false;
  try {
    const { manifest } = await requireRun(service.db, run);
    const bytes = await upload.read();
    const bank = await checkBank(bytes, manifest);
    const digest = await sha256Hex(bytes);
    const time = service.now();
    attached = await changeRun(service, "attach-bank", run, async (transaction, row) => {
      const [present] = await transaction.query<{ digest: string }>(
        "SELECT digest FROM banks WHERE run = $1 AND rounds = 0",
        [run],
      );
      if (present?.digest === digest) return false;
      if (present) {
        throw new ServiceError("conflict", `Cannot replace the bank of run "${run}": it has one`);
      }
      requireLasting(row);
      const { id: blob } = await upload.finish(transaction);
      const record = initialRecord(bank, { digest, publishedAt: time });
      await insertBank(transaction, run, { blob, moments: null }, record);
      await openAttempt(transaction, row, time);
      await writeAudit(transaction, { time, actor, act: "attach-bank", run, detail: digest });
      return true;
    });
  } finally {
    if (!attached) await upload.abandon();
  }
}

async function checkBank(bytes: Uint8Array, manifest: RunManifest): Promise<AdapterBank> {
  const { layout, alpha } = manifest;
  let bank;
  try {
    bank = decodeBank(bytes);
  } catch (error) {
    if (error instanceof SafetensorsError) throw fault(error.message);
    throw error;
  }
  const shapeOf = ({ rank, modules, head }: typeof layout) =>
    JSON.stringify([
      rank,
      modules.map(({ name, inFeatures, outFeatures }) => [name, inFeatures, outFeatures]),
      head.map(({ name, shape }) => [name, shape]),
    ]);
  if (shapeOf(bank) !== shapeOf(layout)) {
    throw fault("Cannot use the bank: expected the rank, modules and head of the manifest");
  }
  if (bank.alpha !== alpha) {
    throw fault(`Cannot use the bank: expected alpha ${alpha}, got ${bank.alpha}`);
  }
  const numbers = [...bank.modules.flatMap(({ a, b }) => [a, b]), ...bank.head.map((t) => t.data)];
  if (!numbers.every((data) => data.every(Number.isFinite))) {
    throw fault("Cannot use the bank: expected finite numbers only");
  }
  if (!bank.scores.every((list) => list.every((score) => Number.isFinite(score) && score >= 0))) {
    throw fault("Cannot use the bank: expected finite scores of at least 0");
  }
  if (!bank.trained.every((flags) => flags.every((flag) => flag <= 1))) {
    throw fault("Cannot use the bank: expected 0 or 1 in what tells of trained components");
  }
  // One bank has one encoding, so that its digest means the bank; and nothing rides along.
  if (await sha256Hex(encodeBank(bank)) !== await sha256Hex(bytes)) {
    throw fault("Cannot use the bank: expected the bytes of its encoding and nothing more");
  }
  return bank;
}

function fault(message: string): ServiceError {
  return new ServiceError("malformed", message);
}

/** "r" and 80 random bits in base32. */
function newRunId(): string {
  const digits = "abcdefghijklmnopqrstuvwxyz234567";
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `r${Array.from(random, (byte) => digits[byte % 32]).join("")}`;
}
