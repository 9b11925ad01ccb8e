/**
 * Refusals as problem documents (RFC 9457).
 *
 * @module
 */

import type { RejectReason } from "../../src/protocol/http/documents.ts";
import {
  type Problem,
  type ProblemCode,
  problemType,
  problemUri,
} from "../../src/protocol/http/problem.ts";

/** Characters of a detail that are told: it may quote the sender's own message, which can be of any length. */
const LONGEST_DETAIL = 1000;

/** Status and title of each code; a thrown problem may carry a narrower status. */
export const problemKinds: Readonly<
  Record<ProblemCode, { readonly status: number; readonly title: string }>
> = {
  "malformed": { status: 400, title: "The request cannot be read" },
  "unauthorized": { status: 401, title: "Not authorized" },
  "bad-signature": { status: 401, title: "The signature is not valid" },
  "clock-skew": { status: 401, title: "The clocks differ too much" },
  "replay": { status: 401, title: "The nonce was used before" },
  "withdrawn": { status: 403, title: "The client was withdrawn" },
  "bad-invitation": { status: 403, title: "The invitation is not valid" },
  "not-found": { status: 404, title: "Not found" },
  "method-not-allowed": { status: 405, title: "Method not allowed" },
  "conflict": { status: 409, title: "Contradicts what is there" },
  "not-sampled": { status: 409, title: "Takes no part in this round" },
  "round-closed": { status: 409, title: "The round is closed" },
  "run-over": { status: 410, title: "The run is over" },
  "update-refused": { status: 422, title: "The update was refused" },
  "too-large": { status: 413, title: "The body is too large" },
  "too-slow": { status: 408, title: "The body came too slowly" },
  "rate-limited": { status: 429, title: "Too many requests" },
  "busy": { status: 503, title: "Too much at once" },
  "internal": { status: 500, title: "The server failed" },
};

/** What a problem carries beside its code and its sentence. */
export interface ProblemExtras {
  /** Instead of the code's usual one. */
  readonly status?: number;
  /** Of a client's message that was refused: it is written to the run's rejects. */
  readonly reason?: RejectReason;
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Further headers of the response. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown where a request is refused; the app's error handler answers with it. */
export class ProblemError extends Error {
  /** The class's name, for logs. */
  override name = "ProblemError";

  /** A refusal of one kind, with a line for the person who can mend it. */
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
  }
}

/** A problem as a response. */
export function problemResponse(
  { code, detail, extras: { status, reason, members, headers } }: Pick<
    ProblemError,
    "code" | "detail" | "extras"
  >,
): Response {
  const kind = problemKinds[code];
  const problem: Problem = {
    ...members,
    ...(reason !== undefined && { reason }),
    type: problemUri(code),
    title: kind.title,
    status: status ?? kind.status,
    detail: detail.slice(0, LONGEST_DETAIL),
  };
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "content-type": problemType,
      "cache-control": "no-store",
      // RFC 9110, section 11.6.1. A signature has no challenge of its own.
      ...(problem.status === 401 && { "www-authenticate": 'Bearer realm="hafl"' }),
      ...headers,
    },
  });
}
