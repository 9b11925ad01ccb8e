/**
 * Large bodies: streamed into chunks that nothing refers to yet, checked, and only then handed to the run service.
 *
 * @module
 */

import { type BlobWriter, createBlob } from "../store/blobs.ts";
import { type HttpContext, partyOf } from "./caller.ts";
import type { AppParts } from "./parts.ts";
import { readBody, receiveBody } from "./receive_body.ts";

/**
 * Receives a body and hands it to `use`, which finishes it or abandons it; where receiving fails it is abandoned here.
 *
 * @throws {ProblemError} as {@linkcode receiveBody} does, and `busy`.
 */
export async function withUpload<T>(
  c: HttpContext,
  parts: AppParts,
  maxBytes: number,
  use: (upload: BlobWriter) => Promise<T>,
): Promise<T> {
  const { service, clock, metrics } = parts;
  // Held until the run service is done too: then as many bodies are checked at a time as are received.
  using _slot = await parts.slots.uploads.take(partyOf(c));
  closeAfterwards(c);
  const upload = createBlob(service.db, clock.now());
  try {
    for await (const piece of receiveBody(c.req.raw, boundsOf(c, parts, maxBytes))) {
      await upload.write(piece);
    }
  } catch (error) {
    await upload.abandon();
    throw error;
  } finally {
    metrics.countBytes("up", upload.size);
  }
  return await use(upload);
}

/** Receives a body that is small enough to be held, under the same rules. */
export async function readUpload(
  c: HttpContext,
  parts: AppParts,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  using _slot = await parts.slots.uploads.take(partyOf(c));
  closeAfterwards(c);
  const bytes = await readBody(c.req.raw, boundsOf(c, parts, maxBytes));
  parts.metrics.countBytes("up", bytes.length);
  return bytes;
}

/** Receives a body and throws it away. */
export async function discardUpload(
  c: HttpContext,
  parts: AppParts,
  maxBytes: number,
): Promise<void> {
  using _slot = await parts.slots.probes.take(partyOf(c));
  for await (const piece of receiveBody(c.req.raw, boundsOf(c, parts, maxBytes))) {
    parts.metrics.countBytes("up", piece.length);
  }
}

/**
 * Between its uploads a client polls, for most of a round, and Deno 2.9 keeps 64 KiB for a connection over which a body was streamed. HTTP/2 has no
 * such header, and Deno leaves it out there.
 */
function closeAfterwards(c: HttpContext): void {
  c.header("connection", "close");
}

function boundsOf(c: HttpContext, { limits, clock }: AppParts, maxBytes: number) {
  const caller = c.get("caller");
  const digest = caller?.kind === "client" ? caller.digest : undefined;
  return { maxBytes, digest, pace: limits.receivePace, clock };
}
