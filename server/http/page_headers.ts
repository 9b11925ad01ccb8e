import type { MiddlewareHandler } from "hono";
import type { HttpEnv } from "./caller.ts";

const policy = [
  "default-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "object-src 'none'",
].join("; ");
// Swagger UI writes style attributes, and shows images that are written into its style sheet.
const docsPolicy = `${policy}; style-src 'self' 'unsafe-inline'; img-src 'self' data:`;

/** Keeps browsers from running, framing, sniffing or passing on anything; tells them to come back by TLS where there is TLS. */
export function pageHeaders(secure: boolean): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    headers.set("content-security-policy", c.req.path === "/docs" ? docsPolicy : policy);
    headers.set("x-content-type-options", "nosniff");
    headers.set("referrer-policy", "no-referrer");
    headers.set("cross-origin-opener-policy", "same-origin");
    headers.set("cross-origin-resource-policy", "same-origin");
    if (secure) headers.set("strict-transport-security", "max-age=31536000");
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  };
}
