/**
 * JSON bodies, read within bounds before anything looks at them.
 *
 * @module
 */

import type { HttpContext } from "./caller.ts";
import type { AppParts, Guard } from "./parts.ts";
import { ProblemError } from "./problems.ts";
import { readBody } from "./receive_body.ts";

/** Makes hono middleware that reads a JSON body, signed or not, and leaves it to the route's schema. */
export function jsonBody(most: "jsonBytes" | "manifestBytes" = "jsonBytes"): Guard {
  return (parts) => async (c, next) => {
    const caller = c.get("caller");
    const digest = caller === undefined || caller.kind === "admin" ? undefined : caller.digest;
    await readJson(c, parts, parts.limits[most], digest);
    await next();
  };
}

/** Reads a JSON body and lets hono find it. @returns its text. */
export async function readJson(
  c: HttpContext,
  { limits, clock }: Pick<AppParts, "limits" | "clock">,
  maxBytes: number,
  digest: Uint8Array | undefined,
): Promise<string> {
  const bytes = await readBody(c.req.raw, { maxBytes, digest, pace: limits.receivePace, clock });
  const text = decode(bytes);
  // Hono keeps promises of bodies here, whatever its types say; validators look here first.
  Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
  return text;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ProblemError("malformed", "Cannot read the body: it is not UTF-8");
  }
}
