/**
 * Routes by which the administrator makes and steers runs.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { largestBody } from "../../../src/protocol/layout_size.ts";
import {
  attachBank,
  createRun,
  invite,
  listRuns,
  manifestOf,
  runStatus as readStatus,
  stopRun,
  withdraw,
} from "../../runs/mod.ts";
import { adminOnly } from "../authentication.ts";
import { jsonBody } from "../json_body.ts";
import type { AppParts } from "../parts.ts";
import { withUpload } from "../receive_upload.ts";
import { invitation, invitationRequest } from "../schemas/joining.ts";
import { manifest } from "../schemas/manifest.ts";
import { problems } from "../schemas/problem.ts";
import { runStatus, runSummaryStatus } from "../schemas/status.ts";
import {
  type App,
  byAdmin,
  bytes,
  byToken,
  clientParams,
  json,
  jsonAnswer,
  runParams,
} from "./route.ts";

const tags = ["Runs"];
const admin = "admin";
const created = z.object({ run: z.string() }).openapi("CreatedRun", {
  example: { run: "rabcdefghijklmnop" },
});

/** Adds the routes. */
export function addRunRoutes(app: App, parts: AppParts): void {
  const { service } = parts;
  const admitted = adminOnly(parts);

  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/runs",
      tags,
      summary: "Create a run",
      description: "It is a draft until its initial bank is there.",
      ...byToken,
      middleware: [admitted, jsonBody("manifestBytes")(parts)],
      request: { body: json(manifest) },
      responses: {
        201: jsonAnswer("The run's id", created),
        ...problems("malformed", "unauthorized", "too-large", "too-slow", "rate-limited"),
      },
    }),
    async (c) => {
      const run = await createRun(service, c.req.valid("json"), admin);
      return c.json({ run }, 201, { location: `/v1/runs/${run}` });
    },
  );

  app.openapi(
    createRoute({
      method: "put",
      path: "/v1/runs/{run}/bank",
      tags,
      summary: "Upload the initial bank",
      description: "Safetensors, of the manifest's layout.",
      ...byToken,
      middleware: [admitted],
      request: { params: runParams, body: { content: bytes, required: true } },
      responses: {
        204: { description: "The run waits for its clients" },
        ...problems(
          "malformed",
          "unauthorized",
          "not-found",
          "conflict",
          "too-large",
          "too-slow",
          "rate-limited",
          "busy",
        ),
      },
    }),
    async (c) => {
      const { run } = c.req.valid("param");
      const { layout } = await manifestOf(service, run);
      await withUpload(
        c,
        parts,
        largestBody(layout),
        (upload) => attachBank(service, run, upload, admin),
      );
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/runs/{run}/invitations",
      tags,
      summary: "Invite clients or evaluators",
      description: "An invitation voids an earlier one of its seat that was not used.",
      ...byToken,
      middleware: [admitted, jsonBody()(parts)],
      request: { params: runParams, body: json(invitationRequest) },
      responses: {
        200: jsonAnswer("The secrets, shown this once", z.array(invitation)),
        ...problems(
          "malformed",
          "unauthorized",
          "not-found",
          "conflict",
          "run-over",
          "too-large",
          "too-slow",
          "rate-limited",
        ),
      },
    }),
    async (c) => {
      const { run } = c.req.valid("param");
      return c.json(await invite(service, run, admin, c.req.valid("json").seats), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/runs",
      tags,
      summary: "List the runs, newest first",
      ...byAdmin,
      middleware: [admitted],
      responses: {
        200: jsonAnswer("The runs", z.array(runSummaryStatus)),
        ...problems("unauthorized", "rate-limited"),
      },
    }),
    async (c) => c.json(await listRuns(service), 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/runs/{run}",
      tags,
      summary: "Read a run's status",
      ...byAdmin,
      middleware: [admitted],
      request: { params: runParams },
      responses: {
        200: jsonAnswer("The status", runStatus),
        ...problems("unauthorized", "not-found", "rate-limited"),
      },
    }),
    async (c) => c.json(await readStatus(service, c.req.valid("param").run), 200),
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/runs/{run}/stop",
      tags,
      summary: "Stop a run for good",
      ...byToken,
      middleware: [admitted],
      request: { params: runParams },
      responses: {
        204: { description: "The run is stopped" },
        ...problems("unauthorized", "not-found", "conflict", "run-over", "rate-limited"),
      },
    }),
    async (c) => {
      await stopRun(service, c.req.valid("param").run, admin);
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/runs/{run}/clients/{client}/withdraw",
      tags,
      summary: "Withdraw a client",
      description: "Its key is refused from now on, and its update of the open round is dropped.",
      ...byToken,
      middleware: [admitted],
      request: { params: clientParams },
      responses: {
        204: { description: "The client is withdrawn" },
        ...problems("malformed", "unauthorized", "not-found", "conflict", "rate-limited"),
      },
    }),
    async (c) => {
      const { run, client } = c.req.valid("param");
      await withdraw(service, run, client, admin);
      parts.tickSoon();
      return c.body(null, 204);
    },
  );
}
