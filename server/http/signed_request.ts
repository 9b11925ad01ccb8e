/**
 * The steps that check a signed request; each refuses by a {@linkcode ProblemError}.
 *
 * @module
 */

import {
  type ParsedSignature,
  parseSignature,
  verifySignature,
} from "../../src/protocol/http/request_signature.ts";
import type { Limits } from "./limits.ts";
import type { NonceMemory } from "./nonce_memory.ts";
import { ProblemError } from "./problems.ts";

const headerNames = ["content-digest", "signature-input", "signature"] as const;

/** A request's signature, unchecked. */
export function signatureOf({ headers }: Request): ParsedSignature {
  const signature = parseSignature(headers);
  if (signature !== undefined) return signature;
  const there = headerNames.filter((name) => headers.has(name));
  if (there.length === 0) {
    throw new ProblemError(
      "unauthorized",
      `Cannot let the request pass: expected a signature in ${headerNames.join(", ")}, got none`,
    );
  }
  const missing = headerNames.filter((name) => !headers.has(name));
  throw new ProblemError(
    "bad-signature",
    missing.length > 0
      ? `Cannot read the signature: ${missing.join(" and ")} missing`
      : `Cannot read the signature: ${
        headerNames.join(", ")
      } are not written as HAFL's clients write them`,
    { reason: "bad-signature" },
  );
}

/** Refuses a signature that was not made by this key over this request. */
export async function checkSignature(
  request: Request,
  signature: ParsedSignature,
  key: CryptoKey | undefined,
): Promise<void> {
  const { pathname, search } = new URL(request.url);
  const facts = { method: request.method, path: pathname, query: search === "" ? "?" : search };
  if (key !== undefined && await verifySignature(facts, signature, key)) return;
  throw new ProblemError(
    "bad-signature",
    `Cannot let the request pass: the signature is not that of key ${signature.keyId} over ${facts.method} ${pathname}`,
    { reason: "bad-signature" },
  );
}

/** Refuses a signature from too long ago or too far ahead; tells the server's clock. */
export function checkTime(
  { created }: Pick<ParsedSignature, "created">,
  now: number,
  { clockWindowSeconds }: Pick<Limits, "clockWindowSeconds">,
): void {
  const seconds = Math.round(created - now / 1000);
  if (Math.abs(created * 1000 - now) <= clockWindowSeconds * 1000) return;
  throw new ProblemError(
    "clock-skew",
    `Cannot let the request pass: it was made ${Math.abs(seconds)} s ${
      seconds < 0 ? "ago" : "in the future"
    } by the server's clock, at most ${clockWindowSeconds} s are allowed`,
    { reason: "clock-skew", members: { serverTime: now } },
  );
}

/** Refuses a nonce that this process has seen. */
export function noteNonce(
  nonces: NonceMemory,
  { keyId, nonce }: Pick<ParsedSignature, "keyId" | "nonce">,
): void {
  if (nonces.note(keyId, nonce)) return;
  throw new ProblemError(
    "replay",
    "Cannot let the request pass: its nonce was used before; sign every request anew",
    { reason: "replay" },
  );
}

/** SHA-256 of no bytes. */
const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Refuses a request to read that was signed with a body. */
export function refuseBody({ method }: Request, { digest }: Pick<ParsedSignature, "digest">): void {
  if (method !== "GET" && method !== "HEAD") return;
  if (digest.toHex() === nothing) return;
  throw new ProblemError(
    "malformed",
    `Cannot use the request: expected the Content-Digest of no bytes with ${method}`,
    { reason: "digest" },
  );
}
