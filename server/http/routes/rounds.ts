/**
 * Routes of a client's part in a round.
 *
 * @module
 */

import { createRoute } from "@hono/zod-openapi";
import { largestBody } from "../../../src/protocol/layout_size.ts";
import { acceptUpdate, choiceBytes, manifestOf, openDownload, putChoice } from "../../runs/mod.ts";
import { clientOnly } from "../authentication.ts";
import { clientOf } from "../caller.ts";
import type { AppParts } from "../parts.ts";
import { readUpload, withUpload } from "../receive_upload.ts";
import { sendBody } from "../send_body.ts";
import { problems, signedProblems } from "../schemas/problem.ts";
import { acceptedUpdate } from "../schemas/rounds.ts";
import {
  type App,
  attemptQuery,
  byClient,
  bytes,
  jsonAnswer,
  roundParams,
  updateParams,
  updateQuery,
} from "./route.ts";

const tags = ["Rounds"];
const roundProblems = [
  ...signedProblems,
  "not-sampled",
  "round-closed",
  "run-over",
  "conflict",
] as const;
const uploadProblems = problems(
  ...roundProblems,
  "update-refused",
  "too-large",
  "too-slow",
  "busy",
);

/** Adds the routes. */
export function addRoundRoutes(app: App, parts: AppParts): void {
  const { service, metrics, turns, slots } = parts;
  const admitted = clientOnly(parts);

  app.openapi(
    createRoute({
      method: "put",
      path: "/v1/runs/{run}/rounds/{round}/choices/{client}",
      tags,
      summary: "Choose the components to train",
      description: "Safetensors. Where clients rank for themselves, before the download.",
      ...byClient,
      middleware: [admitted],
      request: {
        params: roundParams,
        query: attemptQuery,
        body: { content: bytes, required: true },
      },
      responses: { 204: { description: "Chosen" }, ...uploadProblems },
    }),
    async (c) => {
      const { run, round, client } = c.req.valid("param");
      const address = { round, client, ...c.req.valid("query") };
      const body = await readUpload(c, parts, await choiceBytes(service, run, address));
      c.set("writtenDown", true);
      await putChoice(service, run, address, body, clientOf(c));
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/runs/{run}/rounds/{round}/downloads/{client}",
      tags,
      summary: "Download what to train",
      description: "Safetensors.",
      ...byClient,
      middleware: [admitted],
      request: { params: roundParams, query: attemptQuery },
      responses: {
        200: { description: "The encoded message", content: bytes },
        ...problems(...roundProblems, "busy"),
      },
    }),
    async (c) => {
      const { run, round, client } = c.req.valid("param");
      const address = { round, client, ...c.req.valid("query") };
      c.set("writtenDown", true);
      return await sendBody(c, parts, slots.downloads, async () => {
        using _turn = await turns.take();
        const { sizes, pieces } = await openDownload(service, run, address);
        return { size: sizes.total, pieces: pieces() };
      });
    },
  );

  app.openapi(
    createRoute({
      method: "put",
      path: "/v1/runs/{run}/rounds/{round}/updates/{update}",
      tags,
      summary: "Deliver an update",
      description: "Safetensors. The same id with the same body is counted once.",
      ...byClient,
      middleware: [admitted],
      request: {
        params: updateParams,
        query: updateQuery,
        body: { content: bytes, required: true },
      },
      responses: { 200: jsonAnswer("It counts", acceptedUpdate), ...uploadProblems },
    }),
    async (c) => {
      const { run, round, update } = c.req.valid("param");
      const { attempt, client } = c.req.valid("query");
      const address = { round, attempt, client, update };
      const { layout } = await manifestOf(service, run);
      const accepted = await withUpload(c, parts, largestBody(layout), (upload) => {
        c.set("writtenDown", true);
        return acceptUpdate(service, run, address, upload, clientOf(c));
      });
      if (!accepted.repeated) metrics.countUpdate();
      parts.tickSoon();
      return c.json(accepted, 200);
    },
  );
}
