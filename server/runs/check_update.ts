/**
 * Everything an update must be before it is accepted.
 *
 * @module
 */

import type { AdapterBank } from "../../src/protocol/bank.ts";
import { type Deal, holdsComponents } from "../../src/protocol/deal.ts";
import type { RejectReason } from "../../src/protocol/http/documents.ts";
import type { RunManifest } from "../../src/protocol/manifest.ts";
import { decodeUpdate, MessageError, type MessageSizes } from "../../src/protocol/messages/mod.ts";
import { SafetensorsError } from "../../src/protocol/safetensors.ts";
import type { ClientUpdate } from "../../src/protocol/update.ts";
import { updateNorm } from "../../src/protocol/update_norm.ts";
import { UpdateError, validateUpdate } from "../../src/protocol/validate_update.ts";
import { updateSizes } from "./round_bytes.ts";
import { ServiceError } from "./service.ts";

/** What an update is checked against. */
export interface UpdateContext {
  readonly run: string;
  readonly manifest: RunManifest;
  readonly bank: AdapterBank;
  readonly deal: Deal;
}

/** A good update. */
export interface CheckedUpdate {
  /** n_k. */
  readonly samples: number;
  readonly sizes: MessageSizes;
}

/** @throws {ServiceError} update-refused, with the reason. */
export function checkUpdate(bytes: Uint8Array, context: UpdateContext): CheckedUpdate {
  const { run, manifest, bank, deal } = context;
  const decoded = decode(bytes, bank);
  if (decoded.run !== run) {
    throw refusal(
      "malformed",
      `Cannot use the update: expected run "${run}", got "${decoded.run}"`,
    );
  }
  const { update } = decoded;
  try {
    validateUpdate(bank, deal, update);
  } catch (error) {
    if (error instanceof UpdateError) throw refusal(error.fault, error.message);
    throw error;
  }
  checkScores(update, manifest, deal);
  const { maxSamples, maxNorm } = manifest.limits;
  if (update.samples > maxSamples) {
    throw refusal(
      "samples",
      `Cannot use the update: expected at most ${maxSamples} samples, got ${update.samples}`,
    );
  }
  const norm = updateNorm(bank, update);
  if (norm > maxNorm) {
    throw refusal(
      "norm",
      `Cannot use the update: expected a change of norm ${maxNorm} at most, got ${norm}`,
    );
  }
  return { samples: update.samples, sizes: updateSizes(update, bytes.length) };
}

function decode(bytes: Uint8Array, bank: AdapterBank): { run: string; update: ClientUpdate } {
  try {
    return decodeUpdate(bytes, bank);
  } catch (error) {
    if (error instanceof SafetensorsError || error instanceof MessageError) {
      throw refusal("malformed", error.message);
    }
    throw error;
  }
}

/** Scores steer everyone's next deal, so they come from all clients that hold components or from none. */
function checkScores({ scores }: ClientUpdate, { method }: RunManifest, deal: Deal): void {
  const holds = holdsComponents(deal);
  if ((scores !== undefined) === (method.rankBy === "server" && holds)) return;
  const [expected, got] = scores ? ["no scores", "some"] : ["scores", "none"];
  const why = holds ? `the ${method.rankBy} ranks` : "the client holds no component";
  throw refusal("scores", `Cannot use the update: expected ${expected}, as ${why}, got ${got}`);
}

function refusal(reason: RejectReason, message: string): ServiceError {
  return new ServiceError("update-refused", message, reason);
}
