/**
 * The documents by which the administrator sees a run.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type {
  AnyScore,
  CurrentRound,
  RejectReason,
  RejectStatus,
  RoundStatus,
  RunStatus,
  RunSummaryStatus,
  Score,
  SeatStatus,
  TokenScore,
} from "../../../src/protocol/http/documents.ts";
import { tasks } from "../../../src/protocol/task.ts";
import { clientIndex, clientList, count, seatRole, sha256, time } from "./common.ts";
import { progress } from "./rounds.ts";

const reasons = {
  "wrong-client": true,
  "wrong-round": true,
  "samples": true,
  "indices": true,
  "shape": true,
  "not-finite": true,
  "scores": true,
  "head": true,
  "malformed": true,
  "too-large": true,
  "too-slow": true,
  "incomplete": true,
  "digest": true,
  "norm": true,
  "budget": true,
  "not-sampled": true,
  "round-closed": true,
  "duplicate": true,
  "bad-signature": true,
  "clock-skew": true,
  "replay": true,
  "withdrawn": true,
} as const satisfies Record<RejectReason, true>;

/** See {@linkcode RejectReason}. */
export const rejectReason = z.enum(Object.keys(reasons) as RejectReason[]).openapi("RejectReason");

const messageSizes = z.object({ lora: count, head: count, overhead: count, total: count });

const rowScore = z.object({
  accuracy: z.number().min(0).max(1),
  loss: z.number(),
  rows: count,
  parties: count,
}).openapi("Score") satisfies z.ZodType<Score>;

const tokenScore = z.object({
  perplexity: z.number().min(1),
  loss: z.number(),
  tokens: count.describe("Predictions behind it"),
  parties: count,
}).openapi("TokenScore") satisfies z.ZodType<TokenScore>;

const score = z.union([rowScore, tokenScore])
  .describe("Of a classifier or a language model") satisfies z.ZodType<AnyScore>;

const perComponent = z.array(z.array(z.number()).readonly()).readonly();

const roundStatus = z.object({
  round: count.describe("Rounds done with it: 0 for the initial bank"),
  attempts: count,
  sampled: clientList,
  contributors: clientList,
  samples: count,
  heldOut: score.nullable(),
  evaluators: score.nullable(),
  upBytes: messageSizes,
  downBytes: messageSizes,
  trainedShare: z.number().min(0).max(1),
  scores: perComponent.describe("[modules][rank]: score of each component"),
  selected: perComponent.describe("[modules][rank]: contributors that trained each component"),
  openedAt: time.nullable(),
  publishedAt: time,
  bankDigest: sha256,
}).openapi("RoundStatus") satisfies z.ZodType<RoundStatus>;

const currentRound = z.object({
  round: count,
  attempt: count,
  state: z.enum(["open", "collecting", "aggregating", "published", "missed"]),
  openedAt: time,
  deadline: time,
  sampled: clientList,
  received: clientList,
}).openapi("CurrentRound") satisfies z.ZodType<CurrentRound>;

const seatStatus = z.object({
  client: clientIndex,
  role: seatRole,
  state: z.enum(["invited", "enrolled", "ready", "withdrawn"]),
  name: z.string().nullable(),
  rank: count.nullable(),
  samples: count.nullable(),
  lastContact: time.nullable(),
  activity: z.enum(["absent", "idle", "sampled", "training", "uploaded"]),
  progress: progress.nullable(),
}).openapi("SeatStatus") satisfies z.ZodType<SeatStatus>;

const rejectStatus = z.object({
  time,
  client: clientIndex.nullable(),
  round: count.nullable(),
  reason: rejectReason,
  detail: z.string(),
}).openapi("RejectStatus") satisfies z.ZodType<RejectStatus>;

/** See {@linkcode RunSummaryStatus}. */
export const runSummaryStatus = z.object({
  run: z.string(),
  name: z.string(),
  state: z.enum(["draft", "waiting", "running", "finished", "stopped"]),
  roundsDone: count,
  rounds: count,
  createdAt: time,
}).openapi("RunSummaryStatus") satisfies z.ZodType<RunSummaryStatus>;

/** See {@linkcode RunStatus}. */
export const runStatus = runSummaryStatus.extend({
  revision: count,
  task: z.enum(tasks),
  labels: count,
  modules: z.array(z.string()).readonly(),
  rank: count,
  facts: z.object({
    model: z.string(),
    method: z.string(),
    ranks: z.string(),
    seats: count,
    perRound: count,
    quorum: count,
    deadlineSeconds: z.number(),
  }),
  retries: count,
  current: currentRound.nullable(),
  seats: z.array(seatStatus).readonly(),
  published: z.array(roundStatus).readonly(),
  rejectCounts: z.partialRecord(rejectReason, count),
  rejects: z.array(rejectStatus).readonly(),
  serverTime: time,
}).openapi("RunStatus") satisfies z.ZodType<RunStatus>;

/** An entry of the audit log. */
export const auditEntry = z.object({
  id: count,
  time,
  actor: z.string().describe('"admin", "server", a client by its index, or "unknown"'),
  act: z.string(),
  run: z.string().nullable(),
  detail: z.string(),
}).openapi("AuditEntry");
