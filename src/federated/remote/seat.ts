/** Where a client takes part, and the key it does so with. @module */

import type { Enrolled, SeatRole } from "../../protocol/http/documents.ts";
import { UserError } from "../../protocol/errors.ts";
import { enrol } from "./api.ts";
import { type ClientKey, createKey, openKey, type StoredKey } from "./client_key.ts";
import { type ClientStore, damaged, readJson, writeJson } from "./client_store.ts";
import type { Connection } from "./connection.ts";
import type { InvitationLink } from "./invitation_url.ts";

/** A seat as it is kept. It has either a token, before the server has taken it, or a role. */
export interface KeptSeat {
  /** The server's address. */
  readonly server: string;
  /** The run's id. */
  readonly run: string;
  /** The client's index in the run. */
  readonly client: number;
  /** The invitation's secret. */
  readonly token?: string;
  /** What the seat is for. */
  readonly role?: SeatRole;
}

/** A seat that the server has given. */
export interface Seat extends Enrolled {
  /** The run's id. */
  readonly run: string;
}

/** The kept key; makes and keeps one at first. */
export async function keyOf(store: ClientStore): Promise<ClientKey> {
  const kept = await readJson<StoredKey>(
    store,
    "key.json",
    ({ publicKey, privateKey }) => typeof publicKey === "string" && typeof privateKey === "string",
  );
  if (kept !== undefined) {
    return await openKey(kept).catch((error) => {
      throw damaged("key.json", error);
    });
  }
  const created = await createKey();
  await writeJson(store, "key.json", created);
  return await openKey(created);
}

/**
 * Settles which seat is meant: the one of the invitation, or the one that is kept. An invitation is kept before it is used, so that whatever ends
 * the client in between, it can be used again.
 *
 * @param server where the client was told to go; undefined: where it was.
 * @param place what to call the store in an error.
 *
 * @throws {UserError} when the store belongs to another run or client, or there is neither a seat nor an invitation.
 */
export async function settleSeat(
  store: ClientStore,
  { server, invitation }: {
    readonly server: string | undefined;
    readonly invitation: InvitationLink | undefined;
  },
  place: string,
): Promise<KeptSeat> {
  const kept = await readJson<KeptSeat>(store, "seat.json", isSeat);
  if (invitation === undefined) {
    if (kept === undefined) {
      throw new UserError(
        `Cannot join a run: "${place}" holds none yet; give the invitation with --server https://host/#run.client.token`,
      );
    }
    return await keep(store, kept, { ...kept, server: server ?? kept.server });
  }
  const { run, client, token } = invitation;
  // What was never taken may be replaced by a better invitation.
  if (kept?.role !== undefined) {
    if (kept.run !== run || kept.client !== client) {
      throw new UserError(
        `Cannot join run ${run} as client ${client}: "${place}" belongs to client ${kept.client} of run ${kept.run}; use another --state or --name`,
      );
    }
    return await keep(store, kept, { ...kept, server: server! });
  }
  return await keep(store, kept, { server: server!, run, client, token });
}

/**
 * Takes the seat, unless it is taken already.
 *
 * @throws RemoteProblem when the invitation is not good.
 * @throws UserError when the server gives another seat.
 */
export async function takeSeat(
  connection: Connection,
  store: ClientStore,
  seat: KeptSeat,
  name: string,
): Promise<Seat> {
  const { run, client, role, token } = seat;
  if (role !== undefined) return { run, client, role };
  const { publicKey } = connection.key;
  const enrolled = await enrol(connection, run, { token: token!, name, publicKey });
  if (enrolled.client !== client) {
    throw new UserError(
      `Cannot join run ${run}: the invitation is for client ${client}, the server gave seat ${enrolled.client}`,
    );
  }
  const { token: _, ...rest } = seat;
  await writeJson(store, "seat.json", { ...rest, ...enrolled });
  return { run, ...enrolled };
}

async function keep(
  store: ClientStore,
  before: KeptSeat | undefined,
  seat: KeptSeat,
): Promise<KeptSeat> {
  if (JSON.stringify(before) !== JSON.stringify(seat)) await writeJson(store, "seat.json", seat);
  return seat;
}

function isSeat({ server, run, client, token, role }: KeptSeat): boolean {
  return typeof server === "string" && typeof run === "string" && Number.isSafeInteger(client) &&
    (typeof token === "string" || role === "client" || role === "evaluator");
}
