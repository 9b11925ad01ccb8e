import type { HttpContext } from "./caller.ts";

/** Whether the caller has what this tag stands for (RFC 9110, section 13.1.2). */
export function hasTag(c: HttpContext, etag: string): boolean {
  const known = c.req.header("if-none-match") ?? "";
  return known.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
