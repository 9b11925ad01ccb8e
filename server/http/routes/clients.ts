/**
 * Routes by which clients join, ask what to do, and report.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { enrol, nextTask, noteContact, recordEvaluation, setBudget } from "../../runs/mod.ts";
import { clientOnly } from "../authentication.ts";
import { clientOf } from "../caller.ts";
import { jsonBody } from "../json_body.ts";
import { longPoll } from "../long_poll.ts";
import { newcomerOnly } from "../newcomer.ts";
import type { AppParts } from "../parts.ts";
import { discardUpload } from "../receive_upload.ts";
import { budget, enrolled, enrolment, settledBudget } from "../schemas/joining.ts";
import { problems, signedProblems } from "../schemas/problem.ts";
import { clientTask, evaluationReport, progress } from "../schemas/rounds.ts";
import { type App, byClient, bytes, clientParams, json, jsonAnswer, runParams } from "./route.ts";

const tags = ["Clients"];
const bodyProblems = ["too-large", "too-slow"] as const;

/** Adds the routes. */
export function addClientRoutes(app: App, parts: AppParts): void {
  const { service, limits, turns } = parts;
  const admitted = clientOnly(parts);
  const withBody = [admitted, jsonBody()(parts)];

  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/runs/{run}/enrolments",
      tags,
      summary: "Take a seat, by invitation",
      description: "Signed with the key in the body. The same key gets the same answer again.",
      ...byClient,
      middleware: [newcomerOnly(parts)],
      request: { params: runParams, body: json(enrolment) },
      responses: {
        200: jsonAnswer("The seat", enrolled),
        ...problems(
          "malformed",
          "unauthorized",
          "bad-signature",
          "clock-skew",
          "replay",
          "bad-invitation",
          "withdrawn",
          "not-found",
          "conflict",
          "run-over",
          "rate-limited",
          ...bodyProblems,
        ),
      },
    }),
    async (c) => {
      const caller = c.get("caller");
      if (caller?.kind !== "newcomer") throw new Error("This route is not behind a signature");
      const { run } = c.req.valid("param");
      return c.json(await enrol(service, run, c.req.valid("json"), caller), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "put",
      path: "/v1/runs/{run}/clients/{client}/budget",
      tags,
      summary: "State the client's means and get its rank",
      ...byClient,
      middleware: withBody,
      request: { params: clientParams, body: json(budget) },
      responses: {
        200: jsonAnswer("The rank", settledBudget),
        ...problems(...signedProblems, "conflict", "run-over", ...bodyProblems),
      },
    }),
    async (c) => {
      const { run, client } = c.req.valid("param");
      const signed = clientOf(c);
      return c.json(await setBudget(service, run, client, c.req.valid("json"), signed), 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/runs/{run}/clients/{client}/task",
      tags,
      summary: "Ask what to do next",
      description: "Waits for something to do, up to `wait` seconds.",
      ...byClient,
      middleware: [admitted],
      request: {
        params: clientParams,
        query: z.object({
          wait: z.coerce.number().min(0).default(0).openapi({
            description: `Seconds, at most ${limits.longPollSeconds}`,
            example: 25,
          }),
        }),
      },
      responses: {
        200: jsonAnswer("The task", clientTask),
        ...problems(...signedProblems),
      },
    }),
    async (c) => {
      const { run, client } = c.req.valid("param");
      const seconds = Math.min(c.req.valid("query").wait, limits.longPollSeconds);
      const task = await longPoll(parts, {
        run,
        milliseconds: 1000 * seconds,
        ask: async () => {
          using _turn = await turns.take();
          return await nextTask(service, run, client);
        },
        isNews: ({ kind }) => kind !== "wait",
        gone: c.req.raw.signal,
      });
      return c.json(task, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "put",
      path: "/v1/runs/{run}/clients/{client}/progress",
      tags,
      summary: "Tell how far training is",
      ...byClient,
      middleware: withBody,
      request: { params: clientParams, body: json(progress) },
      responses: {
        204: { description: "Noted" },
        ...problems(...signedProblems, ...bodyProblems),
      },
    }),
    (c) => {
      const { run, client } = c.req.valid("param");
      noteContact(service, run, client, c.req.valid("json"));
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: "put",
      path: "/v1/runs/{run}/evaluations/{client}",
      tags,
      summary: "Report the score of a published bank",
      description: "A later report on the same bank replaces an earlier one.",
      ...byClient,
      middleware: withBody,
      request: { params: clientParams, body: json(evaluationReport) },
      responses: {
        204: { description: "Recorded" },
        ...problems(...signedProblems, "conflict", ...bodyProblems),
      },
    }),
    async (c) => {
      const { run, client } = c.req.valid("param");
      c.set("writtenDown", true);
      await recordEvaluation(service, run, client, c.req.valid("json"), clientOf(c));
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/probe",
      tags,
      summary: "Send bytes that are thrown away, to time the link",
      ...byClient,
      middleware: [admitted],
      request: { body: { content: bytes } },
      responses: {
        204: { description: "They arrived" },
        ...problems(...signedProblems, ...bodyProblems, "busy"),
      },
    }),
    async (c) => {
      await discardUpload(c, parts, limits.probeBytes);
      return c.body(null, 204);
    },
  );
}
