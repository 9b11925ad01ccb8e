/** Signed requests that are tried until they are answered. @module */

import { UserError } from "../../protocol/errors.ts";
import { sha256 } from "../../protocol/hash.ts";
import { newNonce, signRequest } from "../../protocol/http/request_signature.ts";
import type { ClientKey } from "./client_key.ts";
import { clockMessage, isSkewed } from "./clock_skew.ts";
import { BodyLengthError, readBody } from "./read_body.ts";
import { readProblem, RemoteProblem } from "./remote_problem.ts";
import { type Patience, retryDelay, type Sleep } from "./retry.ts";

/** The part of `fetch` that is used; handed in. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Told when a server cannot be reached (`trouble` says why), and with undefined when it can be again. */
export type OnReach = (trouble: string | undefined) => void;

/** A way to a server, as one client. */
export interface Connection {
  /** The server's address, without a slash at its end. */
  readonly server: string;
  /** Signs every request. */
  readonly key: ClientKey;
  /** Sends one request. */
  readonly fetch: Fetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Waits between tries. */
  readonly sleep: Sleep;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** How long it waits between tries. */
  readonly patience: Patience;
  /** Milliseconds without a byte after which a connection counts as cut: TCP alone would notice after many minutes, or never. */
  readonly stall: number;
  /** Ends whatever is going on; what was going on rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Hears of outages. */
  readonly onReach: OnReach;
}

/** A request. */
export interface RemoteRequest {
  /** What it is for, as it follows "Cannot" in an error. */
  readonly what: string;
  readonly method: "GET" | "PUT" | "POST";
  /** Path and query; a server behind a path of its own sees and checks just this. */
  readonly route: string;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly type?: string;
  /** Milliseconds that the server may take to answer, above the connection's `stall`. */
  readonly patient?: number;
  /** Most bytes of the answer; those of a small document when left out. */
  readonly most?: number;
  /** Whether to fail at the first try that is not answered. */
  readonly once?: boolean;
  /** Told when a try begins. */
  readonly onTry?: () => void;
  /** Takes the body of a success as it arrives, however long, from its start at each try; without it the body is in the answer. */
  readonly consume?: (body: ReadableStream<Uint8Array>) => Promise<unknown>;
}

/**
 * Sends a request and reads the answer. A network that fails, and a server that is overloaded, restarting or at fault, are tried again for as long
 * as it takes; each try is signed anew, with a nonce of its own.
 *
 * @returns the answer's body; none where it was consumed.
 *
 * @throws RemoteProblem when the server says no.
 * @throws UserError when the answer is longer than it can be.
 */
export async function send(
  connection: Connection,
  request: RemoteRequest,
): Promise<Uint8Array<ArrayBuffer>> {
  let reached = true;
  for (let failures = 1;; failures++) {
    request.onTry?.();
    const outcome = await attempt(connection, request);
    if (outcome instanceof Unanswered) {
      if (request.once) throw outcome;
      if (reached) connection.onReach(outcome.message);
      reached = false;
    } else {
      if (!reached) connection.onReach(undefined);
      reached = true;
      if (!(outcome instanceof RemoteProblem)) return outcome;
      if (request.once || !isPassing(outcome, connection.now())) throw outcome;
    }
    const { retryAfter } = outcome;
    const wait = retryDelay(connection.patience, failures, connection.random, retryAfter);
    await connection.sleep(wait, connection.signal);
  }
}

/** What proxies answer where a later try may go well: request timeout, too early, too many requests (RFC 9110, 8470, 6585). */
const patienceAsked: readonly number[] = [408, 425, 429];

/** No answer, or none of a HAFL server that works. */
class Unanswered extends Error {
  override name = "Unanswered";
  constructor(message: string, readonly retryAfter?: number) {
    super(message);
  }
}

async function attempt(
  connection: Connection,
  request: RemoteRequest,
): Promise<Uint8Array<ArrayBuffer> | RemoteProblem | Unanswered> {
  const { server, now, signal } = connection;
  signal.throwIfAborted();
  const { what, method, route, type, patient = 0 } = request;
  const body = request.body ?? new Uint8Array();
  const { pathname, search } = new URL(route, "http://server");
  const signed = await signRequest({
    method,
    path: pathname,
    query: search === "" ? "?" : search,
    digest: await sha256(body),
    created: Math.floor(now() / 1000),
    nonce: newNonce(),
    keyId: connection.key.keyId,
  }, connection.key.privateKey);

  const watch = watchForStall(connection.stall, signal);
  try {
    watch.expect(patient + body.length / SLOWEST);
    const response = await connection.fetch(server + route, {
      method,
      headers: { ...signed, ...(type && { "content-type": type }) },
      ...(method !== "GET" && { body }),
      redirect: "manual", // a signature is for one server and path
      signal: watch.signal,
    });
    if (response.ok) {
      const onChunk = () => watch.expect(0);
      onChunk();
      if (request.consume === undefined) {
        return await readBody(response, request.most ?? MOST_DOCUMENT, onChunk);
      }
      await handOver(response, request.consume, onChunk);
      return new Uint8Array();
    }
    watch.expect(0);
    const elsewhere = redirectOf(response, server + route);
    if (elsewhere !== undefined) {
      await response.body?.cancel();
      return new Unanswered(`it points to ${elsewhere}; give that address, if it is the server's`);
    }
    const facts = await readProblem(response, now());
    // A server at fault is one that cannot be reached, as far as the client is concerned; so is a proxy that asks for patience.
    if (
      response.status >= 500 && facts.code !== "busy" ||
      facts.unexplained && patienceAsked.includes(response.status)
    ) {
      return new Unanswered(facts.detail, facts.retryAfter);
    }
    if (facts.code !== "clock-skew") return new RemoteProblem(what, facts);
    const detail = clockMessage(facts.serverTime, now()) ?? facts.detail;
    return new RemoteProblem(what, { ...facts, detail });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ConsumerError) throw error.cause;
    if (error instanceof BodyLengthError) {
      throw new UserError(`Cannot ${what}: ${error.message} from ${server}`);
    }
    const stalled = `it has not answered for ${Math.round(connection.stall / 1000)} s`;
    return new Unanswered(watch.signal.aborted ? stalled : reasonOf(error));
  } finally {
    watch.end();
  }
}

/** Most bytes of a document that the API has many of: a task, a seat, a receipt. */
const MOST_DOCUMENT = 64 * 1024;

/** Bytes a millisecond of the slowest upload that is waited for: 16 kB a second. */
const SLOWEST = 16;

/** Whether a refusal may be another answer next time, without anything but time in between. */
function isPassing({ code, serverTime }: RemoteProblem, now: number): boolean {
  switch (code) {
    case "rate-limited":
    case "busy":
    case "too-slow":
    case "replay": // something in between sent the request twice
      return true;
    case "clock-skew": // the request was old when it left: the machine slept over it
      return serverTime !== undefined && !isSkewed(serverTime, now);
    default:
      return false;
  }
}

/** Aborts a request on which nothing has moved for a while, or when the client ends. */
function watchForStall(stall: number, outer: AbortSignal) {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const forward = () => controller.abort(outer.reason);
  if (outer.aborted) forward(); // while the request was being signed
  outer.addEventListener("abort", forward, { once: true });
  return {
    signal: controller.signal,
    expect(extra: number) {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(), stall + extra);
    },
    end() {
      clearTimeout(timer);
      outer.removeEventListener("abort", forward);
    },
  };
}

/** What went wrong where an answer was taken, not on its way. */
class ConsumerError extends Error {}

async function handOver(
  { body }: Response,
  consume: NonNullable<RemoteRequest["consume"]>,
  onChunk: () => void,
): Promise<void> {
  const reader = (body ?? new Blob().stream()).getReader();
  let cut = false;
  const watched = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await reader.read().catch((error) => {
        cut = true;
        throw error;
      });
      onChunk();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  try {
    await consume(watched);
  } catch (error) {
    if (cut) throw error;
    await reader.cancel().catch(() => {});
    throw new ConsumerError("", { cause: error });
  }
}

/** Where an answer sends the request on to; undefined when it does not. */
export function redirectOf({ type, status, headers }: Response, from: string): string | undefined {
  if (type === "opaqueredirect") return "another address";
  if (status < 300 || status > 399) return undefined;
  return URL.parse(headers.get("location") ?? "", from)?.origin ?? "another address";
}

/** What lies at the bottom of a failed fetch, "connection refused", without the address that every message repeats. */
export function reasonOf(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  const text = deepest instanceof Error ? deepest.message : String(deepest);
  return text.split("\n")[0].replace(/^error sending request for url \(.*?\): /, "")
    .replace(/^client error \(\w+\): /, "");
}
