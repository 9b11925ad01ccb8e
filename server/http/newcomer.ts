import { importPublicKey, keyIdOf } from "../../src/protocol/http/request_signature.ts";
import { fromBase64url } from "../../src/protocol/http/base64url.ts";
import { addressOf } from "./caller.ts";
import { readJson } from "./json_body.ts";
import type { Guard } from "./parts.ts";
import { ProblemError } from "./problems.ts";
import { refuseTooMany } from "./rate_limits.ts";
import { checkSignature, checkTime, noteNonce, signatureOf } from "./signed_request.ts";

/**
 * Lets an enrolment pass that is signed with the key in its body: the sender has the key. Whether the sender was invited is for the run service to
 * say.
 */
export const newcomerOnly: Guard = (parts) => async (c, next) => {
  const { clock, limits, nonces, buckets } = parts;
  // Before anything is looked at: a guess of an invitation costs a transaction.
  refuseTooMany(buckets.addresses.wait(addressOf(c)));
  const signature = signatureOf(c.req.raw);
  checkTime(signature, clock.now(), limits);
  const publicKey = publicKeyIn(await readJson(c, parts, limits.jsonBytes, signature.digest));
  const key = await importPublicKey(publicKey);
  if (key === undefined || await keyIdOf(fromBase64url(publicKey)) !== signature.keyId) {
    throw new ProblemError(
      "bad-signature",
      "Cannot check the signature: expected the request to be signed with the body's publicKey, " +
        "a raw Ed25519 key in base64url",
      { reason: "bad-signature" },
    );
  }
  await checkSignature(c.req.raw, signature, key);
  noteNonce(nonces, signature);
  c.set("caller", { kind: "newcomer", ...signature });
  await next();
};

/** The key in an enrolment's text; empty where there is none. The whole is checked by the route's schema later. */
function publicKeyIn(text: string): string {
  try {
    const { publicKey } = JSON.parse(text);
    return typeof publicKey === "string" ? publicKey : "";
  } catch {
    throw new ProblemError("malformed", "Cannot read the body: it is not JSON");
  }
}
