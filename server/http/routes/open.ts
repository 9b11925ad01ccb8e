/**
 * Routes for everyone: whether the server is well, and the pages.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { AppParts } from "../parts.ts";
import { problems } from "../schemas/problem.ts";
import { adminOnly } from "../authentication.ts";
import { servePage } from "../serve_page.ts";
import { type App, byAdmin } from "./route.ts";

const tags = ["Health"];
const text = { "text/plain": { schema: z.string() } };

/** Adds the routes. */
export function addOpenRoutes(app: App, parts: AppParts): void {
  const { service, draining, metrics, assets } = parts;

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

  for (const [path, asset] of assets) app.get(path, servePage(parts, asset));
}
