/**
 * The administrator's token: given, or made at the first start and kept in a file that only its owner can read.
 *
 * @module
 */

import { UserError } from "../../src/protocol/errors.ts";
import { toBase64url } from "../../src/protocol/http/base64url.ts";
import { type QueryPermission, queryPermission, tokenVariable } from "./permissions.ts";

/** Where the token may come from; the first that is there counts. */
export interface TokenSources {
  /** A file that was named. */
  readonly file: string | undefined;
  readonly dataDir: string;
  readonly query?: QueryPermission;
}

/** A token, and where it lies, for people. */
export interface AdminToken {
  readonly token: string;
  readonly place: string;
  /** Whether others on this machine can read the file. */
  readonly exposed: boolean;
}

/**
 * Finds the token, or makes one.
 *
 * @throws {UserError} when what is there is no token.
 */
export async function adminToken(
  { file, dataDir, query = queryPermission }: TokenSources,
): Promise<AdminToken> {
  if (file !== undefined) return await readToken(file);
  const allowed = await query({ name: "env", variable: tokenVariable });
  const given = allowed ? Deno.env.get(tokenVariable) : undefined;
  if (given !== undefined && given !== "") {
    return { token: checked(given, tokenVariable), place: `$${tokenVariable}`, exposed: false };
  }
  const path = `${dataDir.replace(/\/+$/, "")}/admin-token`;
  try {
    return await readToken(path);
  } catch (error) {
    if (!(error instanceof UserError && error.cause instanceof Deno.errors.NotFound)) throw error;
  }
  const token = toBase64url(crypto.getRandomValues(new Uint8Array(32)));
  await writeSecret(path, `${token}\n`);
  return { token, place: path, exposed: false };
}

async function readToken(path: string): Promise<AdminToken> {
  try {
    const text = await Deno.readTextFile(path);
    const { mode } = await Deno.stat(path);
    const exposed = mode !== null && (mode & 0o077) !== 0;
    return { token: checked(text.trim(), path), place: path, exposed };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot read the token in "${path}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function checked(token: string, place: string): string {
  if (/^[\x21-\x7e]{16,}$/.test(token)) return token;
  throw new UserError(
    `Cannot use the token in ${place}: expected at least 16 characters, of ASCII and without blanks`,
  );
}

/** Writes a file that is there whole or not at all, and that only its owner can read from its first byte on. */
async function writeSecret(path: string, text: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.partial`;
  try {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")) || "/", { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(temporary, text, { createNew: true, mode: 0o600 });
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {}); // it may never have been created
    throw new UserError(`Cannot write the token to "${path}": ${(error as Error).message}`);
  }
}
