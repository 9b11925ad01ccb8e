/**
 * A PostgreSQL address in what people read: never with its password.
 *
 * @module
 */

import { UserError } from "../../src/protocol/errors.ts";

/**
 * An address without its secrets.
 *
 * @throws {UserError} when it is no address of a PostgreSQL database; the address is not repeated.
 */
export function parseAddress(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol) || parsed.hostname === "") {
    throw new UserError(
      'Cannot read --database: expected an address like "postgres://user:password@host:5432/name"',
    );
  }
  parsed.password = "";
  // Parameters may hold secrets too.
  parsed.search = "";
  parsed.hash = "";
  return parsed.href;
}

/** What to do about an error code of the system, the package or PostgreSQL (SQLSTATE). */
const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing answers there; check that PostgreSQL runs and that the port is right",
  ENOTFOUND: "the host is not known; check its name",
  EAI_AGAIN: "the host is not known; check its name",
  CONNECT_TIMEOUT: "no answer; check the address and the firewall",
  "28P01": "wrong user or password",
  "28000": "the server does not let this user in; check pg_hba.conf",
  "3D000": "there is no such database; make it with createdb",
  "53300": "it has no free connections; raise max_connections",
};

/** The error of a database that did not let itself be opened. */
export function unreachable(address: string, error: unknown): UserError {
  const { name, code, message } = error as Error & { code?: string };
  const why = name === "NotCapable"
    ? `${message}; a server on PostgreSQL needs --allow-env=PG* and --allow-net for its address`
    : advice[code ?? ""] ?? message;
  return new UserError(`Cannot reach the database ${JSON.stringify(address)}: ${why}`);
}
