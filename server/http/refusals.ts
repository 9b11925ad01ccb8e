/**
 * What happens to a request that is refused: it is answered, counted, and written down as far as the sender is known.
 *
 * @module
 */

import { HTTPException } from "hono/http-exception";
import type { RejectReason } from "../../src/protocol/http/documents.ts";
import { reject, ServiceError } from "../runs/mod.ts";
import { addressOf, clientOf, type HttpContext, roundOf } from "./caller.ts";
import type { AppParts } from "./parts.ts";
import { ProblemError, problemResponse } from "./problems.ts";
import { tooManyRequests } from "./rate_limits.ts";
import { requestLine } from "./request_line.ts";

/** Answers a request by which an error was thrown. */
export async function refuse(parts: AppParts, c: HttpContext, thrown: unknown): Promise<Response> {
  const problem = problemOf(thrown) ?? failure(parts, c, thrown);
  const { reason } = problem.extras;
  if (reason !== undefined) {
    parts.metrics.countReject(reason);
    const written = thrown instanceof ServiceError && c.get("writtenDown");
    if (takeAllowance(parts, c, reason) && !written) {
      await writeDown(parts, c, reason, problem.detail);
    }
  }
  const told = isVouchedFor(c) ? problem : chargeAddress(parts, c) ?? problem;
  c.set("refused", { code: told.code, ...(reason !== undefined && { reason }) });
  return problemResponse(told);
}

/** The problem that an error stands for; undefined for a fault of the server. */
function problemOf(thrown: unknown): ProblemError | undefined {
  if (thrown instanceof ProblemError) return thrown;
  if (thrown instanceof ServiceError) {
    const { code, message, reason, extra } = thrown;
    if (code === "internal") return undefined;
    return new ProblemError(code, message, {
      ...(reason !== undefined && { reason }),
      ...(extra !== undefined && { members: extra }),
    });
  }
  if (thrown instanceof HTTPException && thrown.status < 500) {
    return new ProblemError("malformed", `Cannot read the request: ${thrown.message}`, {
      status: thrown.status,
    });
  }
  return undefined;
}

/** A fault of the server: told in full to the log, by its request's name to the caller. */
function failure({ log }: AppParts, c: HttpContext, thrown: unknown): ProblemError {
  const request = c.get("requestId");
  const error = thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
  log("error", "request failed", { request, ...requestLine(c), error });
  return new ProblemError(
    "internal",
    `The server failed at this request; its log tells more under "${request}"`,
    { members: { request } },
  );
}

/** Whether another refused message of this sender may be written down: one nobody vouches for must not fill the disk. */
function takeAllowance({ buckets }: AppParts, c: HttpContext, reason: RejectReason): boolean {
  const caller = c.get("caller");
  if (caller?.kind !== "client") return false;
  // Whoever has captured a client's request can send it again: that must not use up the client's own allowance.
  const captured = reason === "replay" || reason === "clock-skew";
  return buckets.refusals.take(captured ? `again ${caller.keyId}` : caller.keyId) === 0;
}

/** Writes a client's refused message to its run. */
async function writeDown(
  { service, log }: AppParts,
  c: HttpContext,
  reason: RejectReason,
  detail: string,
): Promise<void> {
  const { run, client } = clientOf(c);
  try {
    await reject(service, run, { client, round: roundOf(c), reason, detail });
  } catch (error) {
    // The sender gets its answer all the same.
    log("error", "reject not written", { run, client, reason, error: String(error) });
  }
}

function isVouchedFor(c: HttpContext): boolean {
  const caller = c.get("caller");
  return caller?.kind === "client" || caller?.kind === "admin";
}

/** Lets the address pay for a request nobody vouches for; one that cannot is told so, whatever else was wrong with it. */
function chargeAddress({ buckets }: AppParts, c: HttpContext): ProblemError | undefined {
  const wait = buckets.addresses.take(addressOf(c));
  return wait === 0 ? undefined : tooManyRequests(wait);
}
