/**
 * Signed requests: a profile of HTTP Message Signatures (RFC 9421) with one form only, so that there is nothing to negotiate.
 *
 * Every request of a client covers its method, path, query and body (by Content-Digest, RFC 9530), the time it was made, a nonce and the key. Like
 * {@linkcode signRequest}, the server rebuilds the signature base from what it received; a header that is not written exactly as here is refused.
 *
 * @module
 */

import { fromBase64url, toBase64url } from "./base64url.ts";

/** What a signature covers. */
export interface SignedFacts {
  /** In capitals. */
  readonly method: string;
  /** Absolute path, as sent. */
  readonly path: string;
  /** From the question mark on; "?" alone where there is none, as RFC 9421 has it. */
  readonly query: string;
  /** SHA-256 of the body, 32 bytes; that of no bytes where there is none. */
  readonly digest: Uint8Array;
  /** When the request was made, in seconds since 1970. */
  readonly created: number;
  /** Never used before with this key: 16 random bytes, base64url. */
  readonly nonce: string;
  /** The signing key's id, see {@linkcode keyIdOf}. */
  readonly keyId: string;
}

/** The headers of a signed request. */
export interface SignatureHeaders {
  /** SHA-256 of the body, RFC 9530. */
  readonly "content-digest": string;
  /** What is covered, when, with which key. */
  readonly "signature-input": string;
  /** The signature. */
  readonly "signature": string;
}

/** What the headers say, before anything is checked. */
export interface ParsedSignature extends Pick<SignedFacts, "created" | "nonce" | "keyId"> {
  /** The digest the body must have, 32 bytes. */
  readonly digest: Uint8Array<ArrayBuffer>;
  /** 64 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

const covered = '("@method" "@path" "@query" "content-digest")';
const digestForm = /^sha-256=:([A-Za-z0-9+/]{43}=):$/;
const inputForm =
  /^hafl=\("@method" "@path" "@query" "content-digest"\);created=(\d{1,12});nonce="([A-Za-z0-9_-]{22})";keyid="([0-9a-f]{64})";alg="ed25519"$/;
const signatureForm = /^hafl=:([A-Za-z0-9+/]{86}==):$/;

/** The id of a raw Ed25519 public key: its SHA-256, hexadecimal. */
export async function keyIdOf(publicKey: Uint8Array): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(publicKey))).toHex();
}

/** A fresh nonce: 16 random bytes, base64url. */
export function newNonce(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * Signs a request.
 *
 * @returns the headers to send with it.
 *
 * @example
 * ```ts
 * import { keyIdOf, newNonce, parseSignature, signRequest, verifySignature } from "./request_signature.ts";
 * const { privateKey, publicKey } = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as CryptoKeyPair;
 * const keyId = await keyIdOf(new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)));
 * const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array()));
 * const request = { method: "GET", path: "/v1/runs/r/task", query: "?wait=20", digest };
 * const headers = await signRequest({ ...request, created: 1, nonce: newNonce(), keyId }, privateKey);
 * const parsed = parseSignature(new Headers({ ...headers }))!;
 * if (!await verifySignature(request, parsed, publicKey)) throw new Error("unreachable");
 * ```
 */
export async function signRequest(
  facts: SignedFacts,
  privateKey: CryptoKey,
): Promise<SignatureHeaders> {
  const signature = await crypto.subtle.sign("Ed25519", privateKey, signatureBase(facts));
  return {
    "content-digest": contentDigest(facts.digest),
    "signature-input": `hafl=${signatureParameters(facts)}`,
    "signature": `hafl=:${new Uint8Array(signature).toBase64()}:`,
  };
}

/** Reads a request's signature headers; undefined where one is missing or not of this profile. */
export function parseSignature(headers: Headers): ParsedSignature | undefined {
  const digest = digestForm.exec(headers.get("content-digest") ?? "");
  const input = inputForm.exec(headers.get("signature-input") ?? "");
  const signature = signatureForm.exec(headers.get("signature") ?? "");
  if (!digest || !input || !signature) return undefined;
  const [, created, nonce, keyId] = input;
  try {
    return {
      digest: Uint8Array.fromBase64(digest[1], { lastChunkHandling: "strict" }),
      created: Number(created),
      nonce,
      keyId,
      signature: Uint8Array.fromBase64(signature[1], { lastChunkHandling: "strict" }),
    };
  } catch {
    return undefined; // A last character with bits that no byte uses: a second spelling of the same bytes.
  }
}

/** Whether a key made this signature over this request. The body is checked against `digest` by whoever reads it. */
export async function verifySignature(
  { method, path, query }: Pick<SignedFacts, "method" | "path" | "query">,
  { signature, ...parsed }: ParsedSignature,
  publicKey: CryptoKey,
): Promise<boolean> {
  const base = signatureBase({ ...parsed, method, path, query });
  return await crypto.subtle.verify("Ed25519", publicKey, signature, base);
}

/** A raw Ed25519 public key, base64url, as a key to verify with; undefined when it is none. */
export async function importPublicKey(text: string): Promise<CryptoKey | undefined> {
  try {
    const raw = fromBase64url(text);
    if (raw.length !== 32 || toBase64url(raw) !== text) return undefined;
    return await crypto.subtle.importKey("raw", raw, "Ed25519", true, ["verify"]);
  } catch {
    return undefined;
  }
}

function contentDigest(digest: Uint8Array): string {
  return `sha-256=:${digest.toBase64()}:`;
}

function signatureParameters(
  { created, nonce, keyId }: Pick<SignedFacts, "created" | "nonce" | "keyId">,
): string {
  return `${covered};created=${created};nonce="${nonce}";keyid="${keyId}";alg="ed25519"`;
}

/** RFC 9421, section 2.5. */
function signatureBase(facts: SignedFacts): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode([
    `"@method": ${facts.method}`,
    `"@path": ${facts.path}`,
    `"@query": ${facts.query}`,
    `"content-digest": ${contentDigest(facts.digest)}`,
    `"@signature-params": ${signatureParameters(facts)}`,
  ].join("\n"));
}
