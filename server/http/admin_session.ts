/**
 * The administrator's token, and the dashboard's session: a cookie that any process with the same token accepts, so that no session is stored.
 *
 * @module
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";

/** SHA-256 of the administrator's token: what a server keeps of it. */
export function hashToken(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

/** Whether an Authorization header carries the token with this hash. Takes the same time for every wrong one. */
export function isAdminHeader(header: string | undefined, tokenHash: Uint8Array): boolean {
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(header ?? "")?.[1];
  return token !== undefined && timingSafeEqual(hashToken(token), tokenHash);
}

/** Name of the session's cookie. */
export const sessionCookie = "hafl_session";

/** A session's cookie: when it ends, in milliseconds since 1970, and the proof that this server said so. */
export function createSession(tokenHash: Uint8Array, expiresAt: number): string {
  return `${expiresAt}.${proofOf(tokenHash, String(expiresAt)).toString("base64url")}`;
}

/** Whether a cookie is a session that has not ended. */
export function isSession(cookie: string | undefined, tokenHash: Uint8Array, now: number): boolean {
  const parts = /^(\d{1,15})\.([A-Za-z0-9_-]{43})$/.exec(cookie ?? "");
  if (parts === null) return false;
  const [, expiresAt, proof] = parts;
  const expected = proofOf(tokenHash, expiresAt);
  return timingSafeEqual(Buffer.from(proof, "base64url"), expected) && Number(expiresAt) > now;
}

function proofOf(tokenHash: Uint8Array, expiresAt: string): Buffer {
  // A key for this purpose alone, out of the token's hash, which is never told.
  const key = createHmac("sha256", tokenHash).update("hafl dashboard session 1").digest();
  return createHmac("sha256", key).update(expiresAt).digest();
}
