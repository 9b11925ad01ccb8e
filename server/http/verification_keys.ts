import { importPublicKey } from "../../src/protocol/http/request_signature.ts";

/** Turns a public key, base64url, into one to verify with; remembers some of them. */
export type VerificationKeys = (publicKey: string) => Promise<CryptoKey | undefined>;

/**
 * Makes a cache of imported keys.
 *
 * @param most keys it remembers: those used last.
 */
export function createVerificationKeys(most = 10_000): VerificationKeys {
  const keys = new Map<string, CryptoKey>();
  return async (publicKey) => {
    const key = keys.get(publicKey) ?? await importPublicKey(publicKey);
    if (key === undefined) return undefined;
    keys.delete(publicKey);
    keys.set(publicKey, key);
    if (keys.size > most) keys.delete(keys.keys().next().value!);
    return key;
  };
}
