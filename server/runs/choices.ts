/**
 * Choices of clients that rank for themselves.
 *
 * @module
 */

import {
  checkClientChoice,
  ClientChoiceError,
  clientsChoose,
} from "../../src/protocol/client_choice.ts";
import { largestChoice } from "../../src/protocol/layout_size.ts";
import type { RunManifest } from "../../src/protocol/manifest.ts";
import { decodeChoice, encodeChoice, MessageError } from "../../src/protocol/messages/mod.ts";
import { SafetensorsError } from "../../src/protocol/safetensors.ts";
import { requireOpenAttempt } from "./attempts.ts";
import { changeRun } from "./change_run.ts";
import { spendNonce } from "./nonces.ts";
import { recorded } from "./refusals.ts";
import { requireMember, requireRun, type RunRow } from "./rows.ts";
import { type RoundAddress, type Service, ServiceError, type Signed } from "./service.ts";

/**
 * The most bytes of a client's choice in a round, to be asked before it is received.
 *
 * @throws {ServiceError} not-found, or conflict when no client chooses in that round.
 */
export async function choiceBytes(
  service: Service,
  run: string,
  address: Pick<RoundAddress, "round" | "client">,
): Promise<number> {
  const { manifest } = await requireRun(service.db, run);
  requireChoosing(manifest, address);
  return largestChoice(manifest.layout);
}

/**
 * Takes the components a client wants to train in an attempt. The first choice stands; the same again is fine.
 *
 * @throws {ServiceError} when it is refused; the refusal is written down.
 */
export async function putChoice(
  service: Service,
  run: string,
  address: RoundAddress,
  bytes: Uint8Array,
  signed: Signed,
): Promise<void> {
  const { round, attempt, client } = address;
  const now = service.now();
  const work = () =>
    changeRun(service, "accept-choice", run, async (transaction, row) => {
      const { rank } = await requireMember(transaction, run, client);
      await spendNonce(transaction, signed, now);
      await requireOpenAttempt(transaction, row, address, now);
      const body = checkedChoice(bytes, row, address, rank!);
      const [stored] = await transaction.query<{ body: Uint8Array }>(
        "INSERT INTO choices (run, round, attempt, client, body) VALUES ($1, $2, $3, $4, $5) " +
          "ON CONFLICT (run, round, attempt, client) DO UPDATE SET body = choices.body " +
          "RETURNING body",
        [run, round, attempt, client, body],
      );
      if (stored.body.toHex() === body.toHex()) return;
      throw new ServiceError(
        "conflict",
        `Cannot take a second choice of client ${client} in round ${round + 1}`,
        "duplicate",
      );
    });
  await recorded(service, run, address, work);
}

/** @returns the choice as it is encoded here: nothing that rode along is stored. */
function checkedChoice(
  bytes: Uint8Array,
  { id, manifest }: RunRow,
  { round, client }: RoundAddress,
  rank: number,
): Uint8Array {
  const { layout, method } = manifest;
  requireChoosing(manifest, { round, client });
  try {
    const { address, indices } = decodeChoice(bytes, layout);
    if (address.run !== id || address.round !== round || address.client !== client) {
      throw new MessageError(
        `Cannot use the choice: expected client ${client} of run "${id}" in round ${round + 1}, ` +
          `got client ${address.client} of run "${address.run}" in round ${address.round + 1}`,
      );
    }
    checkClientChoice(indices, rank, layout, method.scope);
    return encodeChoice(layout, indices, address).bytes;
  } catch (error) {
    if (error instanceof ClientChoiceError) {
      throw new ServiceError("update-refused", error.message, "budget");
    }
    if (error instanceof SafetensorsError || error instanceof MessageError) {
      throw new ServiceError("update-refused", error.message, "malformed");
    }
    throw error;
  }
}

function requireChoosing(
  { method }: RunManifest,
  { round, client }: Pick<RoundAddress, "round" | "client">,
): void {
  if (clientsChoose(method, round)) return;
  throw new ServiceError(
    "conflict",
    `Cannot take a choice of client ${client} in round ${round + 1}: the server deals in it`,
    "budget",
  );
}
