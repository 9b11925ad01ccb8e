import { type HttpContext, partyOf } from "./caller.ts";
import { pacedBody } from "./paced_body.ts";
import type { AppParts } from "./parts.ts";
import type { Slots } from "./slots.ts";

/** A large body to be sent. */
export interface OutgoingBody {
  /** Bytes. */
  readonly size: number;
  /** Made as they are asked for. */
  readonly pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Answers with a body that takes one of `slots` until it is read, its reader leaves, or its reader is too slow.
 *
 * @param open begins it, once there is a slot.
 * @throws {ProblemError} `busy`.
 */
export async function sendBody(
  c: HttpContext,
  { limits, clock, metrics }: AppParts,
  slots: Slots,
  open: () => OutgoingBody | Promise<OutgoingBody>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const slot = await slots.take(partyOf(c));
  const giveBack = () => slot[Symbol.dispose]();
  try {
    const { size, pieces } = await open();
    const all = {
      "content-type": "application/octet-stream",
      "content-length": String(size),
      ...headers,
    };
    if (c.req.method === "HEAD") {
      giveBack();
      return new Response(null, { headers: all });
    }
    const body = pacedBody(pieces, {
      pace: limits.sendPace,
      clock,
      onSent: (bytes) => metrics.countBytes("down", bytes),
      onEnd: giveBack,
    });
    return new Response(body, { headers: all });
  } catch (error) {
    giveBack();
    throw error;
  }
}
