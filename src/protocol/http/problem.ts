/**
 * Errors over HTTP: RFC 9457 problem documents, `application/problem+json`.
 *
 * @module
 */

/** The media type of a problem document. */
export const problemType = "application/problem+json";

/**
 * What went wrong, for programs: the last part of a problem's `type`, which reads `urn:hafl:problem:<code>`.
 *
 * A client acts on the code, people read `detail`.
 */
export type ProblemCode =
  | "malformed" // the request cannot be read
  | "unauthorized" // no or a wrong credential
  | "bad-signature"
  | "clock-skew" // `serverTime` tells the server's clock, in milliseconds since 1970
  | "replay" // the nonce was used before
  | "withdrawn" // the client was withdrawn from the run
  | "bad-invitation"
  | "not-found"
  | "method-not-allowed" // the path is there, for the methods in `Allow`
  | "conflict" // the request contradicts what is there
  | "not-sampled" // the client takes no part in this round
  | "round-closed" // too late for this attempt at the round: ask for the next task
  | "run-over" // the run has ended or was stopped
  | "update-refused" // `reason` tells why, a RejectReason
  | "too-large"
  | "too-slow" // the body did not arrive in time
  | "rate-limited" // retry after `Retry-After` seconds
  | "busy" // too much at once: retry after `Retry-After` seconds
  | "internal";

/** A problem document. */
export interface Problem {
  /** `urn:hafl:problem:<code>`. */
  readonly type: string;
  /** The HTTP status. */
  readonly status: number;
  /** The kind of problem, in a few words; the same for every problem of its type. */
  readonly title: string;
  /** This problem, in a sentence for the person who can mend it. */
  readonly detail: string;
  /** Further members, such as `reason` and `serverTime`. */
  readonly [member: string]: unknown;
}

const prefix = "urn:hafl:problem:";

/** The `type` of a problem with this code. */
export function problemUri(code: ProblemCode): string {
  return prefix + code;
}

/** The code of a problem document, `internal` for one of another origin. */
export function problemCode(problem: Pick<Problem, "type">): ProblemCode {
  return problem.type.startsWith(prefix)
    ? problem.type.slice(prefix.length) as ProblemCode
    : "internal";
}
