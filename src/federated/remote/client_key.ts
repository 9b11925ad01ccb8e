/** A client's Ed25519 key: made on its machine, never sent. @module */

import { fromBase64url, toBase64url } from "../../protocol/http/base64url.ts";
import { keyIdOf } from "../../protocol/http/request_signature.ts";

/** A key to sign requests with. */
export interface ClientKey {
  /** Its id, see `keyIdOf`. */
  readonly keyId: string;
  /** The raw public key, base64url. */
  readonly publicKey: string;
  /** Signs. */
  readonly privateKey: CryptoKey;
}

/** A key as text to keep. */
export interface StoredKey {
  /** The raw public key, base64url. */
  readonly publicKey: string;
  /** The private key as PKCS #8, base64url. */
  readonly privateKey: string;
}

/** Makes a key; it is to be kept before it is used. */
export async function createKey(): Promise<StoredKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { privateKey, publicKey } = pair as CryptoKeyPair;
  return {
    publicKey: toBase64url(new Uint8Array(await crypto.subtle.exportKey("raw", publicKey))),
    privateKey: toBase64url(new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey))),
  };
}

/**
 * A kept key, ready to sign.
 *
 * @throws {Error} when the texts are not those of a key.
 */
export async function openKey({ publicKey, privateKey }: StoredKey): Promise<ClientKey> {
  const bytes = fromBase64url(privateKey);
  return {
    keyId: await keyIdOf(fromBase64url(publicKey)),
    publicKey,
    privateKey: await crypto.subtle.importKey("pkcs8", bytes, "Ed25519", false, ["sign"]),
  };
}
