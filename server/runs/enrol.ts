/**
 * Enrolment: an invitation becomes a key.
 *
 * @module
 */

import { fromBase64url } from "../../src/protocol/http/base64url.ts";
import type {
  Enrolled,
  Enrolment,
  SeatRole,
  SeatState,
} from "../../src/protocol/http/documents.ts";
import { importPublicKey, keyIdOf } from "../../src/protocol/http/request_signature.ts";
import { writeAudit } from "./audit.ts";
import { changeRun } from "./change_run.ts";
import { tokenHash } from "./invitations.ts";
import { spendNonce } from "./nonces.ts";
import { requireLasting, seatOfToken } from "./rows.ts";
import { type Service, ServiceError, type Signed } from "./service.ts";
import { oneLine } from "./text.ts";

/** Whoever holds a key. */
export interface KeyHolder {
  readonly run: string;
  readonly client: number;
  readonly role: SeatRole;
  /** `withdrawn`: its requests are refused. */
  readonly state: SeatState;
  /** Raw Ed25519 key, base64url. */
  readonly publicKey: string;
}

/** The holder of a key that enrolled. */
export async function keyHolder(
  service: Service,
  keyId: string,
): Promise<KeyHolder | undefined> {
  const [holder] = await service.db.query<KeyHolder>(
    'SELECT run, client, role, state, public_key AS "publicKey" FROM seats WHERE key_id = $1',
    [keyId],
  );
  return holder;
}

/**
 * Takes up an invitation, once; the same key again gives the same answer.
 *
 * @param signed by the key of the enrolment.
 *
 * @throws {ServiceError} bad-invitation, malformed, conflict when the key has a seat already, withdrawn, run-over.
 */
export async function enrol(
  service: Service,
  run: string,
  enrolment: Enrolment,
  signed: Signed,
): Promise<Enrolled> {
  const { publicKey } = enrolment;
  const name = oneLine(enrolment.name, 100);
  if (name === "") {
    throw new ServiceError("malformed", "Cannot enrol: expected a name of letters, got none");
  }
  await checkKey(publicKey, signed.keyId);
  const hash = await tokenHash(enrolment.token);
  const time = service.now();
  return await changeRun(service, "enrol", run, async (transaction, row) => {
    await spendNonce(transaction, signed, time);
    const seat = await seatOfToken(transaction, run, hash);
    if (seat === undefined) throw badInvitation("it is not, or no longer, one of this run");
    const { client, role } = seat;
    if (seat.state === "withdrawn") {
      throw new ServiceError("withdrawn", `Cannot enrol: client ${client} was withdrawn`);
    }
    if (seat.state !== "invited") {
      if (seat.keyId === signed.keyId) return { client, role };
      throw badInvitation("it was used before, with another key");
    }
    requireLasting(row);
    const [taken] = await transaction.query("SELECT 1 AS found FROM seats WHERE key_id = $1", [
      signed.keyId,
    ]);
    if (taken) {
      throw new ServiceError(
        "conflict",
        "Cannot enrol: this key has a seat already; use a key of its own for each seat",
      );
    }
    await transaction.query(
      "UPDATE seats SET state = 'enrolled', name = $3, public_key = $4, key_id = $5, " +
        "last_contact = $6 WHERE run = $1 AND client = $2",
      [run, client, name, publicKey, signed.keyId, time],
    );
    const actor = `client ${client}`;
    await writeAudit(transaction, { time, actor, act: "enrol", run, detail: `${role} "${name}"` });
    return { client, role };
  });
}

async function checkKey(publicKey: string, keyId: string): Promise<void> {
  if (
    await importPublicKey(publicKey) && await keyIdOf(fromBase64url(publicKey)) === keyId
  ) return;
  throw new ServiceError(
    "malformed",
    "Cannot enrol: expected the raw Ed25519 key, base64url, that signed the request",
  );
}

function badInvitation(problem: string): ServiceError {
  return new ServiceError(
    "bad-invitation",
    `Cannot take up the invitation: ${problem}; ask the administrator for a new one`,
  );
}
