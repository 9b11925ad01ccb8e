/**
 * Invitations: one secret a seat, shown once; the database has its hash only.
 *
 * @module
 */

import { sha256Hex } from "../../src/protocol/hash.ts";
import { toBase64url } from "../../src/protocol/http/base64url.ts";
import type { Invitation, SeatRole } from "../../src/protocol/http/documents.ts";
import type { Transaction } from "../store/database.ts";
import { writeAudit } from "./audit.ts";
import { changeRun } from "./change_run.ts";
import { requireLasting, type RunRow, type SeatRow, seatsOf } from "./rows.ts";
import { type Service, ServiceError } from "./service.ts";

/** A seat to invite for; without `client` the first one nobody was invited for. */
export interface SeatRequest {
  readonly role: SeatRole;
  readonly client?: number | undefined;
}

/**
 * Makes invitations, one a seat; an earlier one of the same seat is void. Without `seats` for all client seats that nobody has taken.
 *
 * @throws {ServiceError} conflict when a seat is taken or not there, run-over.
 */
export async function invite(
  service: Service,
  run: string,
  actor: string,
  seats?: readonly SeatRequest[],
): Promise<Invitation[]> {
  const time = service.now();
  return await changeRun(service, "invite", run, async (transaction, row) => {
    requireLasting(row);
    const present = await seatsOf(transaction, run);
    const invitations: Invitation[] = [];
    for (const { role, client } of seatsToInvite(row, present, seats)) {
      const token = toBase64url(crypto.getRandomValues(new Uint8Array(32)));
      await storeSeat(transaction, run, { role, client, token });
      invitations.push({ client, role, token });
    }
    const detail = invitations.map(({ role, client }) => `${role} ${client}`).join(", ");
    await writeAudit(transaction, { time, actor, act: "invite", run, detail });
    return invitations;
  });
}

/** SHA-256 of an invitation's secret, as it is stored. */
export function tokenHash(token: string): Promise<string> {
  return sha256Hex(new TextEncoder().encode(token));
}

type Seat = Omit<Invitation, "token">;

/** The seats of a call, each once; the role of a seat never changes. */
function seatsToInvite(
  { manifest }: RunRow,
  present: readonly SeatRow[],
  requests: readonly SeatRequest[] | undefined,
): Seat[] {
  const { seats } = manifest.participation;
  const known = new Map(present.map((seat) => [seat.client, seat]));
  const all = Array.from({ length: seats }, (_, client) => client);
  if (requests === undefined) {
    return all
      .filter((client) => (known.get(client)?.state ?? "invited") === "invited")
      .map((client) => ({ client, role: "client" }));
  }
  const chosen = new Map<number, Seat>();
  const free = (client: number) => !known.has(client) && !chosen.has(client);
  for (const { role, client: named } of requests) {
    const evaluators = [seats - 1, ...known.keys(), ...chosen.keys()];
    const client = named ??
      (role === "client" ? all.find(free) : Math.max(...evaluators) + 1);
    if (client === undefined) {
      throw conflict(`all ${seats} seats are invited; name one to invite it anew`);
    }
    const seat = known.get(client);
    if (role === "client" ? client >= seats : seat?.role !== "evaluator" && named !== undefined) {
      throw conflict(`there is no seat ${client} of role ${role}`);
    }
    if (seat !== undefined && seat.state !== "invited") {
      throw conflict(`seat ${client} is ${seat.state}`);
    }
    if (chosen.has(client)) throw conflict(`seat ${client} is named twice`);
    chosen.set(client, { client, role });
  }
  return [...chosen.values()];
}

async function storeSeat(
  transaction: Transaction,
  run: string,
  { role, client, token }: Invitation,
): Promise<void> {
  await transaction.query(
    "INSERT INTO seats (run, client, role, state, token_hash) VALUES ($1, $2, $3, 'invited', $4) " +
      "ON CONFLICT (run, client) DO UPDATE SET token_hash = excluded.token_hash",
    [run, client, role, await tokenHash(token)],
  );
}

function conflict(problem: string): ServiceError {
  return new ServiceError("conflict", `Cannot invite: ${problem}`);
}
