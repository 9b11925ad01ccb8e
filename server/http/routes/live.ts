/**
 * Routes of the live page: a run's events, the audit log, the session.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { deleteCookie, setCookie } from "hono/cookie";
import { audit, auditLog, manifestOf } from "../../runs/mod.ts";
import { createSession, sessionCookie } from "../admin_session.ts";
import { adminOnly } from "../authentication.ts";
import { eventStream } from "../event_stream.ts";
import type { AppParts } from "../parts.ts";
import { problems } from "../schemas/problem.ts";
import { auditEntry } from "../schemas/status.ts";
import { type App, byAdmin, byToken, jsonAnswer, runParams } from "./route.ts";

const tags = ["Live page"];

/** Adds the routes. */
export function addLiveRoutes(app: App, parts: AppParts): void {
  const { service, clock, limits, draining, feeds, adminTokenHash, secure } = parts;
  const admitted = adminOnly(parts);

  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/runs/{run}/events",
      tags,
      summary: "Follow a run's status",
      description:
        'Server-sent events named "status", each with a RunStatus: one at the start, one after changes, at most two a second.',
      ...byAdmin,
      middleware: [admitted],
      request: { params: runParams },
      responses: {
        200: {
          description: "The stream",
          content: { "text/event-stream": { schema: z.string() } },
        },
        ...problems("unauthorized", "not-found", "rate-limited"),
      },
    }),
    async (c) => {
      const { run } = c.req.valid("param");
      await manifestOf(service, run); // not-found, while it can still be said
      const headers = { "content-type": "text/event-stream", "cache-control": "no-cache" };
      if (c.req.method === "HEAD") return new Response(null, { headers });
      const body = eventStream({
        event: "status",
        follow: (tell) => feeds.follow(run, tell),
        clock,
        heartbeatMs: limits.heartbeatMs,
        ended: draining,
      });
      return new Response(body, { headers });
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/audit",
      tags,
      summary: "Read the audit log, newest first",
      ...byAdmin,
      middleware: [admitted],
      request: {
        query: z.object({
          limit: z.coerce.number().int().min(1).max(1000).default(100),
        }),
      },
      responses: {
        200: jsonAnswer("The latest entries", z.array(auditEntry)),
        ...problems("malformed", "unauthorized", "rate-limited"),
      },
    }),
    async (c) => c.json(await auditLog(service, c.req.valid("query").limit), 200),
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/session",
      tags,
      summary: "Open a session for the live page",
      description: "Sets a cookie that scripts cannot read, and that can do nothing but read.",
      ...byToken,
      middleware: [admitted],
      responses: {
        204: {
          description: "The session is open",
          headers: z.object({ "Set-Cookie": z.string() }),
        },
        ...problems("unauthorized", "rate-limited"),
      },
    }),
    async (c) => {
      const expiresAt = clock.now() + limits.sessionMs;
      const session = createSession(adminTokenHash, expiresAt);
      await audit(service, "admin", "sign-in", null, `until ${new Date(expiresAt).toISOString()}`);
      const maxAge = Math.floor(limits.sessionMs / 1000);
      setCookie(c, sessionCookie, session, {
        path: "/",
        httpOnly: true,
        sameSite: "Strict",
        secure,
        maxAge,
      });
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: "/v1/session",
      tags,
      summary: "Close the session",
      responses: { 204: { description: "The cookie is gone" } },
    }),
    (c) => {
      deleteCookie(c, sessionCookie, { path: "/", httpOnly: true, sameSite: "Strict", secure });
      return c.body(null, 204);
    },
  );
}
