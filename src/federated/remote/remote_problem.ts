/** What a server refused, as an error to catch. @module */

import type { RejectReason } from "../../protocol/http/documents.ts";
import {
  type Problem,
  type ProblemCode,
  problemCode,
  problemType,
} from "../../protocol/http/problem.ts";
import { UserError } from "../../protocol/errors.ts";
import { BodyLengthError, readBody } from "./read_body.ts";

/** The parts of a problem document that a client acts on. */
export interface ProblemFacts {
  /** What went wrong, for programs. */
  readonly code: ProblemCode;
  /** The HTTP status. */
  readonly status: number;
  /** What went wrong, for people. */
  readonly detail: string;
  /** Why an update was refused. */
  readonly reason?: RejectReason;
  /** Seconds after which the server may be asked again. */
  readonly retryAfter?: number;
  /** The server's clock, where the client's differs too much. */
  readonly serverTime?: number;
  /** That the answer was no problem document: not the word of a HAFL server, but a proxy's in between. */
  readonly unexplained?: true;
}

/** A server's answer that says no, or not now. */
export class RemoteProblem extends UserError implements ProblemFacts {
  /** The class's name, for logs. */
  override name = "RemoteProblem";
  /** What went wrong, for programs. */
  readonly code: ProblemCode;
  /** The HTTP status. */
  readonly status: number;
  /** What went wrong, for people. */
  readonly detail: string;
  /** Why an update was refused. */
  readonly reason?: RejectReason;
  /** Seconds after which the server may be asked again. */
  readonly retryAfter?: number;
  /** The server's clock in milliseconds since 1970, where the client's differs too much. */
  readonly serverTime?: number;
  /** That the answer was no problem document. */
  readonly unexplained?: true;

  /** A refusal of what was tried, as it follows "Cannot". */
  constructor(what: string, facts: ProblemFacts) {
    // Servers begin so too where they know best what could not be done.
    super(facts.detail.startsWith("Cannot ") ? facts.detail : `Cannot ${what}: ${facts.detail}`);
    this.code = facts.code;
    this.status = facts.status;
    this.detail = facts.detail;
    if (facts.reason !== undefined) this.reason = facts.reason;
    if (facts.retryAfter !== undefined) this.retryAfter = facts.retryAfter;
    if (facts.serverTime !== undefined) this.serverTime = facts.serverTime;
    if (facts.unexplained) this.unexplained = true;
  }
}

/**
 * Reads an answer that is not a success.
 *
 * @param now the client's clock, for a Retry-After that is a date.
 */
export async function readProblem(response: Response, now: number): Promise<ProblemFacts> {
  const { status } = response;
  const text = await readText(response);
  const retryAfter = readRetryAfter(response.headers.get("retry-after"), now);
  const wait = retryAfter === undefined ? {} : { retryAfter };
  const problem = isProblem(response) ? parse(text) : undefined;
  if (problem === undefined) {
    // A proxy in between, or no HAFL server at all.
    const detail = `it answered ${status} without saying why; is it a HAFL server?`;
    const code = status === 404 ? "not-found" : "internal";
    return { code, status, detail, unexplained: true, ...wait };
  }
  const { detail, title, reason, serverTime } = problem;
  return {
    code: problemCode(problem),
    status,
    detail: (typeof detail === "string" ? detail : String(title ?? `it answered ${status}`))
      .slice(0, MOST_DETAIL),
    ...(typeof reason === "string" && { reason: reason as RejectReason }),
    ...(typeof serverTime === "number" && { serverTime }),
    ...wait,
  };
}

/** Seconds until the time that a Retry-After header names, as a number or a date (RFC 9110, section 10.2.3). */
function readRetryAfter(text: string | null, now: number): number | undefined {
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(LONGEST_WAIT, Math.max(0, seconds));
}

/** Most bytes of a problem document. */
const MOST_BYTES = 64 * 1024;

/** Most letters of a sentence that is shown. */
const MOST_DETAIL = 1000;

/** Seconds after which a server is asked again, whatever it says: a clock that is off can ask for years. */
const LONGEST_WAIT = 3600;

/** The body; none where it is too long for a problem document. */
async function readText(response: Response): Promise<string> {
  try {
    return new TextDecoder().decode(await readBody(response, MOST_BYTES));
  } catch (error) {
    if (error instanceof BodyLengthError) return "";
    throw error;
  }
}

function isProblem({ headers }: Response): boolean {
  return headers.get("content-type")?.split(";")[0].trim() === problemType;
}

function parse(text: string): Problem | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value?.type === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
