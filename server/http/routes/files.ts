/**
 * Routes that serve what a run's clients start from: the manifest, banks, the base model.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { servedModelHash } from "../../../src/protocol/served_model.ts";
import {
  attachModelFile,
  bankOf,
  manifestOf,
  modelFile,
  modelFiles,
  type StoredFile,
} from "../../runs/mod.ts";
import { streamBlob } from "../../store/blobs.ts";
import { adminOnly, clientOrAdmin } from "../authentication.ts";
import type { HttpContext } from "../caller.ts";
import { hasTag } from "../entity_tag.ts";
import type { AppParts } from "../parts.ts";
import { ProblemError } from "../problems.ts";
import { withUpload } from "../receive_upload.ts";
import { sendBody } from "../send_body.ts";
import { count } from "../schemas/common.ts";
import { manifest } from "../schemas/manifest.ts";
import { problems, signedProblems } from "../schemas/problem.ts";
import {
  type App,
  bankParams,
  byAnyone,
  bytes,
  byToken,
  jsonAnswer,
  modelFileParams,
  modelParams,
  runParams,
} from "./route.ts";

const tags = ["Files"];
const readProblems = problems(...signedProblems);
const sendProblems = problems(...signedProblems, "busy");
// A path of several segments; OpenAPI has no such thing, so the document names it {path}.
const modelFilePath = "/v1/models/{hash}/files/{path{.+}}";

/** Adds the routes. */
export function addFileRoutes(app: App, parts: AppParts): void {
  const { service, limits } = parts;
  const admitted = clientOrAdmin(parts);

  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/runs/{run}/manifest",
      tags,
      summary: "Read a run's manifest",
      ...byAnyone,
      middleware: [admitted],
      request: { params: runParams },
      responses: { 200: jsonAnswer("The manifest", manifest), ...readProblems },
    }),
    async (c) => c.json(await manifestOf(service, c.req.valid("param").run), 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/runs/{run}/banks/{rounds}",
      tags,
      summary: "Download a published bank",
      description: "Safetensors. The initial bank, the latest few and the best are kept.",
      ...byAnyone,
      middleware: [admitted],
      request: { params: bankParams },
      responses: {
        200: {
          description: "The encoded bank",
          content: bytes,
          headers: z.object({
            "ETag": z.string(),
            "HAFL-Rounds": z.string().describe("Rounds behind the bank"),
          }),
        },
        304: { description: "The caller has it already" },
        ...sendProblems,
      },
    }),
    async (c) => {
      const { run, rounds } = c.req.valid("param");
      const bank = await bankOf(service, run, rounds);
      const etag = `"${bank.digest}"`;
      const headers = {
        etag,
        "cache-control": "private, no-cache",
        "hafl-rounds": `${bank.rounds}`,
      };
      if (hasTag(c, etag)) return new Response(null, { status: 304, headers });
      return await sendFile(c, parts, bank, headers);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/models/{hash}/files",
      tags,
      summary: "List the files of a base model",
      ...byAnyone,
      middleware: [admitted],
      request: { params: modelParams },
      responses: {
        200: jsonAnswer("The files", z.array(z.object({ path: z.string(), size: count }))),
        ...readProblems,
      },
    }),
    async (c) => {
      const { hash } = c.req.valid("param");
      await refuseOtherModels(c, parts, hash);
      return c.json(await modelFiles(service, hash), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: modelFilePath,
      tags,
      summary: "Download a file of a base model",
      ...byAnyone,
      middleware: [admitted],
      request: { params: modelFileParams },
      responses: { 200: { description: "The file", content: bytes }, ...sendProblems },
    }),
    async (c) => {
      const { hash, path } = c.req.valid("param");
      await refuseOtherModels(c, parts, hash);
      return await sendFile(c, parts, await modelFile(service, hash, path));
    },
  );

  app.openapi(
    createRoute({
      method: "put",
      path: modelFilePath,
      tags,
      summary: "Upload a file of a base model",
      ...byToken,
      middleware: [adminOnly(parts)],
      request: { params: modelFileParams, body: { content: bytes, required: true } },
      responses: {
        204: { description: "The file is there" },
        ...problems(
          "malformed",
          "unauthorized",
          "conflict",
          "too-large",
          "too-slow",
          "rate-limited",
          "busy",
        ),
      },
    }),
    async (c) => {
      const { hash, path } = c.req.valid("param");
      await withUpload(
        c,
        parts,
        limits.modelFileBytes,
        (upload) => attachModelFile(service, hash, path, upload, "admin"),
      );
      return c.body(null, 204);
    },
  );
}

/** A client gets the base of its own run. */
async function refuseOtherModels(
  c: HttpContext,
  { service }: AppParts,
  hash: string,
): Promise<void> {
  const caller = c.get("caller");
  if (caller?.kind !== "client") return;
  const { model } = await manifestOf(service, caller.run);
  const served = await servedModelHash(model);
  if (served === hash) return;
  throw new ProblemError(
    "unauthorized",
    `Cannot hand out model ${hash}: run ${caller.run} has model ${served}`,
    { status: 403 },
  );
}

function sendFile(
  c: HttpContext,
  parts: AppParts,
  { blob, size }: StoredFile,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const open = () => ({ size, pieces: streamBlob(parts.service.db, blob) });
  return sendBody(c, parts, parts.slots.files, open, headers);
}
