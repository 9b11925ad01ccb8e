/**
 * The documents of a round, as a client sees it.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type {
  AcceptedUpdate,
  AnyEvaluationReport,
  ClientTask,
  EvaluationReport,
  Progress,
  TokenEvaluationReport,
} from "../../../src/protocol/http/documents.ts";
import { count, time } from "./common.ts";

const roundTask = { round: count, attempt: count, rank: count, deadline: time };

/** See {@linkcode ClientTask}. */
export const clientTask = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("wait"), reason: z.enum(["clients", "round"]) }),
  z.object({ kind: z.literal("choose"), ...roundTask }),
  z.object({ kind: z.literal("train"), ...roundTask }),
  z.object({ kind: z.literal("evaluate"), rounds: count }),
  z.object({ kind: z.literal("finished"), rounds: count }),
  z.object({ kind: z.literal("stopped"), rounds: count }),
]).openapi("ClientTask", {
  example: { kind: "train", round: 3, attempt: 0, rank: 4, deadline: 1_795_000_000_000 },
}) satisfies z.ZodType<ClientTask>;

/** See {@linkcode Progress}. */
export const progress = z.strictObject({ round: count, attempt: count, step: count, steps: count })
  .openapi("Progress", {
    example: { round: 3, attempt: 0, step: 12, steps: 40 },
  }) satisfies z.ZodType<
    Progress
  >;

const rounds = count.describe("Rounds behind the bank: 0 for the initial one");

const rowReport = z.strictObject({
  rounds,
  rows: z.int().min(1),
  correct: count,
  loss: z.number().min(0).describe("Sum of the cross-entropy over the rows, in nats"),
}).openapi("EvaluationReport", {
  example: { rounds: 4, rows: 1000, correct: 812, loss: 640.5 },
}) satisfies z.ZodType<EvaluationReport>;

const tokenReport = z.strictObject({
  rounds,
  tokens: z.int().min(1).describe("Tokens predicted"),
  loss: z.number().min(0).describe("Sum of their cross-entropy, in nats"),
}).openapi("TokenEvaluationReport", {
  example: { rounds: 4, tokens: 60_000, loss: 301_000.5 },
}) satisfies z.ZodType<TokenEvaluationReport>;

/** See {@linkcode AnyEvaluationReport}. */
export const evaluationReport = z.union([rowReport, tokenReport])
  .describe("Of a classifier or a language model") satisfies z.ZodType<AnyEvaluationReport>;

/** See {@linkcode AcceptedUpdate}. */
export const acceptedUpdate = z.object({
  update: z.string(),
  repeated: z.boolean().describe("Whether it had been accepted before: a retry"),
}).openapi("AcceptedUpdate", {
  example: { update: "3f6c0c5e-4b1e-4f6e-9d55-3d1d3e2f7a10", repeated: false },
}) satisfies z.ZodType<AcceptedUpdate>;
