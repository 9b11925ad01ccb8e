/**
 * Bodies as they arrive: counted while they stream, whatever Content-Length says, and given up on when they come too slowly.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { PaceLimits } from "./limits.ts";
import { patienceFor } from "./pace.ts";
import { ProblemError } from "./problems.ts";

/** What a body may be. */
export interface BodyBounds {
  /** Most bytes. */
  readonly maxBytes: number;
  /** SHA-256 it must have; any where undefined. */
  readonly digest: Uint8Array | undefined;
  readonly pace: PaceLimits;
  readonly clock: Clock;
}

/**
 * Hands out a request's body piece by piece.
 *
 * The last piece has been handed out before the digest is known, so nothing may be done with the pieces that cannot be undone until this returns.
 *
 * @throws {ProblemError} when the body is too large, too slow, incomplete, or not the one that was signed.
 */
export async function* receiveBody(
  request: Request,
  { maxBytes, digest, pace, clock }: BodyBounds,
): AsyncGenerator<Uint8Array, void, void> {
  const declared = declaredLength(request);
  if (declared !== undefined && declared > maxBytes) throw tooLarge(maxBytes, declared);
  const hash = createHash("sha256");
  const reader = declared !== undefined && declared <= SMALL_BODY
    ? wholeBody(request)
    : request.body?.getReader();
  let received = 0;
  let waited = 0;
  try {
    for (; reader !== undefined;) {
      const patience = patienceFor(pace, received, waited);
      const from = clock.now();
      const piece = await nextPiece(reader, patience, clock, received);
      waited += Math.max(0, clock.now() - from);
      if (piece === undefined) break;
      received += piece.length;
      if (received > maxBytes) throw tooLarge(maxBytes, received);
      hash.update(piece);
      yield piece;
    }
  } finally {
    // Where it was not read to its end; what is left of it is of no use.
    reader?.cancel().catch(() => {});
  }
  if (declared !== undefined && received < declared) throw incomplete(received, `of ${declared} `);
  if (digest !== undefined && !timingSafeEqual(hash.digest(), digest)) {
    throw new ProblemError(
      "malformed",
      "Cannot use the body: its SHA-256 is not the one in Content-Digest, which was signed",
      { reason: "digest" },
    );
  }
}

/** A whole body. @throws {ProblemError} as {@linkcode receiveBody} does. */
export async function readBody(
  request: Request,
  bounds: BodyBounds,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of receiveBody(request, bounds)) {
    pieces.push(piece);
    length += piece.length;
  }
  const whole = new Uint8Array(length);
  let filled = 0;
  for (const piece of pieces) {
    whole.set(piece, filled);
    filled += piece.length;
  }
  return whole;
}

/**
 * Bytes of a body that is taken in one piece. Deno 2.9 spends 64 KiB on each read of a stream, of which a small body uses little, and keeps as much
 * for as long as the connection lives.
 */
const SMALL_BODY = 64 * 1024;

interface BodyReader {
  /** The next bytes; none at the end. */
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

function wholeBody(request: Request): BodyReader {
  let read = false;
  return {
    async read() {
      if (read) return {};
      read = true;
      return { value: await request.bytes() };
    },
    cancel: () => Promise.resolve(),
  };
}

/** The next bytes; undefined at the end. */
async function nextPiece(
  reader: BodyReader,
  patience: number,
  clock: Clock,
  received: number,
): Promise<Uint8Array | undefined> {
  if (patience <= 0) throw tooSlow(received);
  const slow = Promise.withResolvers<never>();
  const callOff = clock.after(patience, () => slow.reject(tooSlow(received)));
  try {
    const { value } = await Promise.race([reader.read(), slow.promise]);
    return value;
  } catch (error) {
    throw error instanceof ProblemError ? error : incomplete(received);
  } finally {
    callOff();
  }
}

function declaredLength({ headers }: Request): number | undefined {
  const text = headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function tooLarge(maxBytes: number, got: number): ProblemError {
  const detail = `Cannot take the body: expected at most ${maxBytes} bytes, got at least ${got}`;
  return new ProblemError("too-large", detail, { reason: "too-large" });
}

function tooSlow(received: number): ProblemError {
  const detail =
    `Cannot wait for the body any longer: it stopped or crawled after ${received} bytes`;
  return new ProblemError("too-slow", detail, { reason: "too-slow" });
}

function incomplete(received: number, of = ""): ProblemError {
  const detail = `Cannot use the body: it ended after ${received} ${of}bytes`;
  return new ProblemError("malformed", detail, { reason: "incomplete" });
}
