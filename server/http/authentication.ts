/**
 * Who may pass: the administrator by token or session, clients by signature. Whoever has one passes from any address, however much nonsense
 * comes from there: behind a proxy all come from one.
 *
 * @module
 */

import { getCookie } from "hono/cookie";
import { keyHolder, noteContact } from "../runs/mod.ts";
import { isAdminHeader, isSession, sessionCookie } from "./admin_session.ts";
import { type HttpContext, refuseOthers } from "./caller.ts";
import type { AppParts, Guard } from "./parts.ts";
import { ProblemError } from "./problems.ts";
import { refuseTooMany } from "./rate_limits.ts";
import { checkSignature, checkTime, noteNonce, refuseBody, signatureOf } from "./signed_request.ts";

/** Lets the administrator pass: by bearer token, or to read by the dashboard's session. */
export const adminOnly: Guard = (parts) => async (c, next) => {
  admitAdmin(c, parts);
  await next();
};

/** Lets a client pass that signed the request and acts for itself. */
export const clientOnly: Guard = (parts) => async (c, next) => {
  await admitClient(c, parts);
  await next();
};

/** Lets the administrator and the run's clients pass. */
export const clientOrAdmin: Guard = (parts) => async (c, next) => {
  if (c.req.header("signature-input") !== undefined) await admitClient(c, parts);
  else admitAdmin(c, parts);
  await next();
};

function admitAdmin(c: HttpContext, { adminTokenHash, clock }: AppParts): void {
  const header = c.req.header("authorization");
  const reads = c.req.method === "GET" || c.req.method === "HEAD";
  const session = reads ? getCookie(c, sessionCookie) : undefined;
  const admitted = isAdminHeader(header, adminTokenHash) ||
    (header === undefined && isSession(session, adminTokenHash, clock.now()));
  if (!admitted) {
    const got = header !== undefined
      ? "a wrong one"
      : session !== undefined
      ? "an old one"
      : "none";
    throw new ProblemError(
      "unauthorized",
      `Cannot let the request pass: expected the administrator's token as a bearer token, or a session, got ${got}`,
    );
  }
  c.set("caller", { kind: "admin" });
}

async function admitClient(c: HttpContext, parts: AppParts): Promise<void> {
  const { service, keys, clock, limits, nonces, buckets, turns } = parts;
  const signature = signatureOf(c.req.raw);
  using _turn = await turns.take();
  const holder = await keyHolder(service, signature.keyId);
  if (holder === undefined) {
    throw new ProblemError(
      "bad-signature",
      `Cannot check the signature: no client enrolled with key ${signature.keyId}`,
      { reason: "bad-signature" },
    );
  }
  await checkSignature(c.req.raw, signature, await keys(holder.publicKey));
  const caller = { kind: "client", ...holder, ...signature } as const;
  // From here on a refusal is that of a client who is known.
  c.set("caller", caller);
  checkTime(signature, clock.now(), limits);
  noteNonce(nonces, signature);
  refuseTooMany(buckets.refusals.wait(signature.keyId));
  refuseTooMany(buckets.clients.take(signature.keyId));
  if (holder.state === "withdrawn") {
    throw new ProblemError(
      "withdrawn",
      `Cannot go on: client ${holder.client} was withdrawn from run "${holder.run}"`,
      { reason: "withdrawn" },
    );
  }
  refuseOthers(c, caller);
  refuseBody(c.req.raw, signature);
  noteContact(service, holder.run, holder.client);
}
