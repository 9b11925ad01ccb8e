/** Invitations as they are shown, once. @module */

import { invitationUrl } from "../../federated/remote/invitation_url.ts";
import type { OutputFormat } from "../../federated/settings/execution.ts";
import type { Invitation, SeatRole } from "../../protocol/http/documents.ts";
import { builtInBaseName, type RanksPolicy, type RunManifest } from "../../protocol/manifest.ts";
import { servedModelHash } from "../../protocol/served_model.ts";
import { modelFiles } from "./admin_api.ts";
import type { AdminServer } from "./admin_server.ts";
import type { Print } from "./command.ts";
import { textTable } from "./text_table.ts";

/** An invitation as it is shown. */
export interface ShownInvitation {
  /** The seat. */
  readonly client: number;
  /** What the seat is for. */
  readonly role: SeatRole;
  /** r_k where the run fixes it, otherwise null. */
  readonly rank: number | null;
  /** What its holder gives to `deno task client --server`. */
  readonly url: string;
}

/** Invitations with their addresses and ranks. */
export function showInvitations(
  server: string,
  run: string,
  policy: RanksPolicy,
  invitations: readonly Invitation[],
): ShownInvitation[] {
  return invitations.map(({ client, role, token }) => ({
    client,
    role,
    rank: role === "client" && policy.kind === "fixed" ? policy.ranks[client] : null,
    url: invitationUrl(server, { run, client, token }),
  }));
}

/** Flags without which nobody joins, or with which it is simpler: a role, a rank to be stated, a base model that the server has. */
export async function joiningFlags(
  admin: AdminServer,
  { model, ranks }: Pick<RunManifest, "model" | "ranks">,
  role: SeatRole,
): Promise<readonly string[]> {
  const served = model.name !== builtInBaseName &&
    (await modelFiles(admin, await servedModelHash(model))).length > 0;
  return [
    ...(role === "evaluator" ? ["--evaluate"] : ranks.kind === "stated" ? ["--rank <n>"] : []),
    ...(served ? ["--model server"] : []),
  ];
}

/** Prints invitations, and for people how they are used, with `flags` added; `facts` go along for programs. */
export function printInvitations(
  invitations: readonly ShownInvitation[],
  facts: Readonly<Record<string, unknown>>,
  format: OutputFormat,
  print: Print,
  flags: readonly string[],
): void {
  if (format === "json") return print(JSON.stringify({ ...facts, invitations }));
  if (invitations.length === 0) return print("Nobody to invite: every seat is taken");
  const withRanks = invitations.some(({ rank }) => rank !== null);
  const columns = ["Seat", ...(withRanks ? ["Rank"] : []), "Invitation"];
  const rows = invitations.map(({ client, role, rank, url }) => [
    `${role} ${client}`,
    ...(withRanks ? [rank === null ? "" : String(rank)] : []),
    url,
  ]);
  for (const line of textTable(columns.map((heading) => ({ heading })), rows)) print(line);
  print("");
  print("Each invitation works once and is shown only now. Its holder joins with:");
  print(
    ['deno task client --server "<invitation>" --data <file> --name <name>', ...flags].join(" "),
  );
}
