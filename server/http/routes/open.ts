/**
 * Routes for everyone: whether the server is well, and the pages.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { AppParts } from "../parts.ts";
import { problems } from "../schemas/problem.ts";
import { adminOnly } from "../authentication.ts";
import { addressOf } from "../caller.ts";
import { hasTag } from "../entity_tag.ts";
import { refuseTooMany } from "../rate_limits.ts";
import { type App, byAdmin } from "./route.ts";

const tags = ["Health"];
const text = { "text/plain": { schema: z.string() } };

/** Adds the routes. */
export function addOpenRoutes(app: App, parts: AppParts): void {
  const { service, draining, metrics, assets, buckets } = parts;

  app.openapi(
    createRoute({
      method: "get",
      path: "/healthz",
      tags,
      summary: "Whether the process is alive",
      responses: { 200: { description: "It is", content: text } },
    }),
    (c) => c.text("ok", 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/readyz",
      tags,
      summary:
        "Whether to send requests here: the database answers, and the server is not about to end",
      responses: {
        200: { description: "Yes", content: text },
        503: { description: "No", content: text },
      },
    }),
    async (c) => {
      if (draining.aborted) return c.text("draining", 503);
      const answers = await service.db.ping().then(() => true, () => false);
      return answers ? c.text("ok", 200) : c.text("the database does not answer", 503);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/metrics",
      tags,
      summary: "Read the metrics, for Prometheus",
      ...byAdmin,
      middleware: [adminOnly(parts)],
      responses: {
        200: { description: "In Prometheus' text format", content: text },
        ...problems("unauthorized", "rate-limited"),
      },
    }),
    async (c) => {
      const { type, text } = await metrics.read();
      return c.text(text, 200, { "content-type": type });
    },
  );

  for (const [path, { type, body }] of assets) {
    const etag = `"${createHash("sha256").update(body).digest("base64url")}"`;
    const headers = { "content-type": type, "cache-control": "no-cache", etag };
    app.get(path, (c) => {
      refuseTooMany(buckets.addresses.take(addressOf(c)));
      if (hasTag(c, etag)) return c.body(null, 304, headers);
      return c.body(body, 200, headers);
    });
  }
}
