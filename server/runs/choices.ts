/**
 * Choices of clients that rank for themselves.
 *
 * @module
 */

import { checkClientChoice, ClientChoiceError } from "../../src/protocol/client_choice.ts";
import { decodeChoice, MessageError } from "../../src/protocol/messages/mod.ts";
import { SafetensorsError } from "../../src/protocol/safetensors.ts";
import { requireOpenAttempt } from "./attempts.ts";
import { changeRun } from "./change_run.ts";
import { clientsChoose } from "./deals.ts";
import { spendNonce } from "./nonces.ts";
import { recorded } from "./refusals.ts";
import { requireMember, type RunRow } from "./rows.ts";
import { type RoundAddress, type Service, ServiceError, type Signed } from "./service.ts";

/**
 * Takes the components a client wants to train in an attempt. The first choice stands; the same bytes again are fine.
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
      checkChoice(bytes, row, address, rank!);
      const [stored] = await transaction.query<{ body: Uint8Array }>(
        "INSERT INTO choices (run, round, attempt, client, body) VALUES ($1, $2, $3, $4, $5) " +
          "ON CONFLICT (run, round, attempt, client) DO UPDATE SET body = choices.body " +
          "RETURNING body",
        [run, round, attempt, client, bytes],
      );
      const same = stored.body.length === bytes.length &&
        stored.body.every((byte, at) => byte === bytes[at]);
      if (same) return;
      throw new ServiceError(
        "conflict",
        `Cannot take a second choice of client ${client} in round ${round}`,
        "duplicate",
      );
    });
  await recorded(service, run, address, work);
}

function checkChoice(
  bytes: Uint8Array,
  { id, manifest }: RunRow,
  { round, client }: RoundAddress,
  rank: number,
): void {
  const { layout, method } = manifest;
  if (!clientsChoose(manifest, round)) {
    throw new ServiceError(
      "conflict",
      `Cannot take a choice of client ${client} in round ${round}: the server deals in this round`,
      "budget",
    );
  }
  try {
    const { address, indices } = decodeChoice(bytes, layout);
    if (address.run !== id || address.round !== round || address.client !== client) {
      throw new MessageError(
        `Cannot use the choice: expected client ${client} of run "${id}" in round ${round}, ` +
          `got client ${address.client} of run "${address.run}" in round ${address.round}`,
      );
    }
    checkClientChoice(indices, rank, layout, method.scope);
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
