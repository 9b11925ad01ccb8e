import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { HttpContext, HttpEnv } from "./caller.ts";
import type { LogLevel } from "./log.ts";
import type { AppParts } from "./parts.ts";
import { requestLine } from "./request_line.ts";

/** Paths that machines ask for all the time. */
const quiet = new Set(["/healthz", "/readyz", "/metrics"]);

/** Names every request, and counts and logs its answer: who, what, how it ended, how long it took. */
export function requestLog(
  { clock, log, metrics, newRequestId, buckets }: AppParts,
): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const request = newRequestId();
    c.set("requestId", request);
    const from = clock.now();
    await next();
    c.res.headers.set("x-request-id", request);
    const milliseconds = clock.now() - from;
    const { status } = c.res;
    const { method, path } = requestLine(c);
    metrics.countRequest(method, routeOf(c), status, milliseconds / 1000);
    const caller = c.get("caller");
    // Nobody vouches for these: they must not fill the disk. The metrics count all of them.
    if (caller === undefined && buckets.lines.take("") > 0) return;
    log(levelOf(c.req.path, status), "request", {
      request,
      method,
      path,
      status,
      milliseconds,
      ...(caller?.kind === "client" ? { run: caller.run, client: caller.client } : {
        by: caller?.kind ?? "unknown",
      }),
      ...c.get("refused"),
    });
  };
}

/** The template of the route that answered, so that a metric has few rows; "none" where no route did. */
function routeOf(c: HttpContext): string {
  const path = routePath(c, -1);
  return path === "/*" || path === "*" ? "none" : path;
}

function levelOf(path: string, status: number): LogLevel {
  if (status >= 500 && status !== 503) return "error";
  return quiet.has(path) && status < 400 ? "debug" : "info";
}
