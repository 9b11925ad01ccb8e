import type { HttpContext } from "./caller.ts";

/** Those of RFC 9110, section 9, and PATCH of RFC 5789. */
const methods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
]);

/**
 * Method and path of a request as they may be written to logs, metrics and answers: its sender may make up any method, each of which would be a
 * row of a metric for ever, and paths of any length.
 */
export function requestLine(
  { req }: HttpContext,
): { readonly method: string; readonly path: string } {
  return { method: methods.has(req.method) ? req.method : "other", path: req.path.slice(0, 200) };
}
