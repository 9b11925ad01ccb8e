/**
 * SHA-256 by WebCrypto.
 *
 * @module
 */

/** What {@linkcode sha256Hex} returns looks like. */
export const sha256Form = /^[0-9a-f]{64}$/;

/** SHA-256 of bytes: 32 bytes. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  // A copy: WebCrypto refuses views on shared memory, and a reader may hand one out.
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
}

/** SHA-256 of bytes, as 64 lowercase hex digits. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return Array.from(await sha256(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
