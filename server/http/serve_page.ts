import { createHash } from "node:crypto";
import { addressOf, type HttpContext } from "./caller.ts";
import { hasTag } from "./entity_tag.ts";
import type { AppParts, Asset } from "./parts.ts";
import { refuseTooMany } from "./rate_limits.ts";
import { sendBody } from "./send_body.ts";

/** Serves a page, or a part of one, to anybody: encoded once, as a string would be for each who asks and does not read. */
export function servePage(
  parts: AppParts,
  { type, body }: Asset,
): (c: HttpContext) => Promise<Response> {
  const bytes = new TextEncoder().encode(body);
  const etag = `"${createHash("sha256").update(bytes).digest("base64url")}"`;
  const headers = { "content-type": type, "cache-control": "no-cache", etag };
  return async (c) => {
    refuseTooMany(parts.buckets.addresses.take(addressOf(c)));
    if (hasTag(c, etag)) return new Response(null, { status: 304, headers });
    const open = () => ({ size: bytes.length, pieces: [bytes] });
    return await sendBody(c, parts, parts.slots.pages, open, headers);
  };
}
