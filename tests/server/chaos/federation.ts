/**
 * A small federation of made-up clients, that lives through the deaths of its server.
 *
 * @module
 */

import type { Connection, Fetch } from "../../../src/federated/remote/connection.ts";
import type { RunManifest, RunStatus } from "../../../src/protocol/mod.ts";
import {
  type Delivery,
  joinRun,
  type MadeUpClient,
  type MadeUpHabits,
  runMadeUpClient,
} from "../made_up_client.ts";
import { type AdminAccess, adminRequest, createTinyRun, publishedBank } from "../tiny_run.ts";
import { adminToken } from "./server_process.ts";

/** How the parties reach the server. */
export interface Reach {
  /** For clients, which try again by themselves. */
  readonly fetch: Fetch;
  /** For the administrator. */
  readonly persistentFetch: Fetch;
  /** Ends the clients. */
  readonly signal: AbortSignal;
  /** What a client puts before its routes: one server's name, or several in the order in which it asks them. */
  readonly servers?: (client: number) => readonly string[];
}

/** A run whose clients have joined. */
export interface Federation {
  readonly admin: AdminAccess;
  readonly run: string;
  readonly members: readonly MadeUpClient[];
}

/** What came out of a run. */
export interface Outcome {
  /** The final bank, encoded. */
  readonly bank: Uint8Array<ArrayBuffer>;
  readonly status: RunStatus;
  /** Updates that the clients were told of as accepted. */
  readonly accepted: readonly Delivery[];
}

/** Waits that keep a test quick; a dead server is waited for by `fetch`. */
const patience: Connection["patience"] = { first: 5, most: 50 };

/** Creates a run and lets all its clients join. */
export async function openFederation(reach: Reach, manifest: RunManifest): Promise<Federation> {
  const { fetch, persistentFetch, signal, servers = () => [""] } = reach;
  const admin = { server: "", fetch: persistentFetch, adminToken };
  const { run, invitations } = await createTinyRun(admin, manifest);
  const members = await Promise.all(invitations.map(({ client, token }) =>
    joinRun({
      run,
      client,
      token,
      servers: servers(client),
      fetch,
      connection: { patience, signal },
    })
  ));
  return { admin, run, members };
}

/** Lets clients take part until the run ends. @returns what was accepted. */
export async function trainAll(
  members: readonly MadeUpClient[],
  habits?: MadeUpHabits,
): Promise<Delivery[]> {
  const ends = await Promise.all(members.map((member) => runMadeUpClient(member, habits)));
  return ends.flatMap(({ accepted }) => accepted);
}

/** Reads what came out of a run. */
export async function outcomeOf(
  { admin, run }: Pick<Federation, "admin" | "run">,
  accepted: readonly Delivery[],
): Promise<Outcome> {
  const status: RunStatus = await (await adminRequest(admin, `/v1/runs/${run}`)).json();
  return { bank: await publishedBank(admin, run), status, accepted };
}
