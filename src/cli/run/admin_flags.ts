/** Flags that all administrator's commands share: which server, and the token for it. @module */

import { Option } from "commander";
import { readServerUrl } from "../../federated/remote/invitation_url.ts";
import { executionRows, type OutputFormat } from "../../federated/settings/execution.ts";
import { UserError } from "../../protocol/errors.ts";
import { type GivenFlags, readOwnFlag } from "../flags.ts";
import { isPrivate } from "../private_address.ts";
import type { AdminServer } from "./admin_server.ts";

const defaultServer = "http://127.0.0.1:8080";
const defaultTokenFile = "./hafl-data/admin-token";
const tokenVariable = "HAFL_ADMIN_TOKEN";

/** The flags, for a command's description. */
export function adminOptions(): Option[] {
  const options = [
    new Option("--server <url>", `the server's address (default: ${defaultServer})`),
    new Option(
      "--token-file <file>",
      `file with the administrator's token (default: ${tokenVariable}, else ${defaultTokenFile})`,
    ),
    new Option("--insecure", "send the token to another machine without https"),
  ];
  return options.map((option) => option.helpGroup("Server:"));
}

/** `--format`, for a command without other settings. */
export function formatOption(): Option {
  return new Option("--format <name>", "text for people or json for programs (default: text)");
}

/** The value of {@linkcode formatOption}. */
export function readFormat(own: GivenFlags["own"]): OutputFormat {
  return readOwnFlag(own, "format", executionRows.format.kind) ?? "text";
}

/**
 * The server that the flags name.
 *
 * @throws UserError when the address is none, the token cannot be found, or it would be sent where others can read it.
 */
export async function readServer(own: GivenFlags["own"]): Promise<AdminServer> {
  const { server, invitation } = readServerUrl(String(own.server ?? defaultServer));
  if (invitation !== undefined) {
    throw new UserError("Cannot use --server: expected a server's address, got an invitation");
  }
  if (!own.insecure && !isPrivate(server)) {
    throw new UserError(
      `Cannot send the administrator's token to ${server}: expected https, or a server on this machine; ` +
        `--insecure sends it all the same`,
    );
  }
  return { server, fetch, ...await readToken(own.tokenFile) };
}

async function readToken(
  file: string | boolean | undefined,
): Promise<Pick<AdminServer, "token" | "tokenSource">> {
  const given = Deno.env.get(tokenVariable);
  if (file === undefined && given) {
    return { token: checkToken(given, tokenVariable), tokenSource: tokenVariable };
  }
  const path = String(file ?? defaultTokenFile);
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "no such file"
      : (error as Error).message;
    throw new UserError(
      `Cannot read the administrator's token "${path}": ${reason}; the server writes it to its data ` +
        `folder when it first starts; use --token-file or ${tokenVariable}`,
    );
  }
  return { token: checkToken(text, `"${path}"`), tokenSource: `"${path}"` };
}

/** A header takes no line breaks, so that a wrong file would fail without a word about it. */
function checkToken(text: string, source: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UserError(
    `Cannot use the administrator's token of ${source}: expected one word, got ${
      token === "" ? "nothing" : "other text"
    }`,
  );
}
