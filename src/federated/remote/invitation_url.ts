/** An invitation as one URL: `https://server/#run.client.token`. Browsers and HTTP clients never send what follows the #. @module */

import { UserError } from "../../protocol/errors.ts";
import type { Invitation } from "../../protocol/http/documents.ts";

/** What an invitation URL says. */
export interface InvitationLink extends Pick<Invitation, "client" | "token"> {
  /** The run's id. */
  readonly run: string;
}

/**
 * Writes an invitation.
 *
 * @param server the server's address; a path that a proxy puts before it is kept.
 *
 * @example
 * ```ts
 * import { invitationUrl, readServerUrl } from "./invitation_url.ts";
 * const url = invitationUrl("https://hafl.example.org", { run: "r7", client: 2, token: "c2VjcmV0" });
 * const { server, invitation } = readServerUrl(url);
 * if (server !== "https://hafl.example.org" || invitation?.client !== 2) throw new Error("unreachable");
 * ```
 */
export function invitationUrl(server: string, { run, client, token }: InvitationLink): string {
  return `${server.replace(/\/+$/, "")}/#${run}.${client}.${token}`;
}

/**
 * Reads a server's address, with or without an invitation.
 *
 * @throws {UserError} when it is neither.
 */
export function readServerUrl(
  text: string,
): { readonly server: string; readonly invitation: InvitationLink | undefined } {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UserError(
      `Cannot use "${
        withoutSecret(text)
      }" as a server: expected an address such as https://host:8080`,
    );
  }
  const server = (url.origin + url.pathname).replace(/\/+$/, "");
  if (url.hash === "") return { server, invitation: undefined };
  const parts = /^#([\w-]+)\.(\d{1,9})\.([\w-]+)$/.exec(url.hash);
  if (parts === null) {
    throw new UserError(
      `Cannot read the invitation to ${server}: expected #run.client.token at its end, as "run create" printed it`,
    );
  }
  const [, run, client, token] = parts;
  return { server, invitation: { run, client: Number(client), token } };
}

function withoutSecret(text: string): string {
  return text.replace(/#.*/s, "#…");
}
