/**
 * Who sent a request, and what the app keeps about it while it is served.
 *
 * @module
 */

import type { Context } from "hono";
import type { RejectReason } from "../../src/protocol/http/documents.ts";
import type { ProblemCode } from "../../src/protocol/http/problem.ts";
import type { ParsedSignature } from "../../src/protocol/http/request_signature.ts";
import type { KeyHolder } from "../runs/mod.ts";
import { ProblemError } from "./problems.ts";

/** A client whose signature was checked. */
export interface ClientCaller extends KeyHolder {
  readonly kind: "client";
  readonly keyId: string;
  readonly nonce: string;
  /** What the body's SHA-256 must be. */
  readonly digest: Uint8Array;
}

/** Somebody who has a key but no seat yet: an enrolment vouches for its own key. */
export interface NewcomerCaller extends Pick<ParsedSignature, "keyId" | "nonce" | "digest"> {
  readonly kind: "newcomer";
}

/** Whoever is known to have sent a request. */
export type Caller = { readonly kind: "admin" } | ClientCaller | NewcomerCaller;

/** The app's types, for hono. */
export interface HttpEnv {
  readonly Bindings: {
    /** From Deno.serve; absent where a test calls the app directly. */
    readonly remoteAddr?: { readonly hostname?: string };
  };
  readonly Variables: {
    /** Names the request in the log and, where the server fails, in the answer. */
    requestId: string;
    /** Absent until, and unless, the request is authenticated. */
    caller?: Caller;
    /** Why the request was refused, for the log. */
    refused?: { readonly code: ProblemCode; readonly reason?: RejectReason };
    /** Whether the run service writes down what it refuses of this request: from where it says so on. */
    writtenDown?: true;
  };
}

/** A request being served. */
export type HttpContext = Context<HttpEnv>;

/** The client that sent a request; its route lets nobody else in. */
export function clientOf(c: HttpContext): ClientCaller {
  const caller = c.get("caller");
  if (caller?.kind !== "client") throw new Error("This route is not behind a signature");
  return caller;
}

/** Who is at the other end: a client by its key, the administrator by its name, anybody else by address. */
export function partyOf(c: HttpContext): string {
  const caller = c.get("caller");
  if (caller?.kind === "client") return caller.keyId;
  return caller?.kind === "admin" ? "admin" : addressOf(c);
}

/** The address a request came from, as far as it stands for one party: an IPv6 host has 2^64 of its own. */
export function addressOf(c: HttpContext): string {
  const host = c.env?.remoteAddr?.hostname ?? "unknown";
  return host.includes(":") ? expandIpv6(host).slice(0, 4).join(":") : host;
}

/** The number a path or query names a round by, for the log; null where there is none. */
export function roundOf(c: HttpContext): number | null {
  const text = c.req.param("round");
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** Refuses a client that acts for another one, or in another run. */
export function refuseOthers(c: HttpContext, { run, client }: ClientCaller): void {
  const named = {
    run: c.req.param("run") ?? run,
    client: c.req.param("client") ?? c.req.query("client") ?? String(client),
  };
  if (named.run === run && named.client === String(client)) return;
  throw new ProblemError(
    "unauthorized",
    `Cannot act as client ${named.client} of run ${named.run}: the key is that of client ${client} of run ${run}`,
    { status: 403, reason: "wrong-client" },
  );
}

function expandIpv6(host: string): string[] {
  const [head, tail] = host.split("%")[0].split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail ? tail.split(":") : [];
  return [...left, ...Array(Math.max(0, 8 - left.length - right.length)).fill("0"), ...right];
}
