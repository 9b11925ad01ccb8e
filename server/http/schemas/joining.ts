/**
 * The documents by which seats are taken.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type {
  Budget,
  Enrolled,
  Enrolment,
  Invitation,
  SettledBudget,
} from "../../../src/protocol/http/documents.ts";
import { clientIndex, count, seatRole } from "./common.ts";

/** See {@linkcode Invitation}. */
export const invitation = z.object({
  client: clientIndex,
  role: seatRole,
  token: z.string().describe("The secret, shown this once: only its hash is stored"),
}).openapi("Invitation") satisfies z.ZodType<Invitation>;

/** Seats to invite for. */
export const invitationRequest = z.strictObject({
  seats: z.array(z.strictObject({ role: seatRole, client: clientIndex.exactOptional() })).readonly()
    .exactOptional().describe("Without it: every seat of a client that nobody has taken"),
}).openapi("InvitationRequest", {
  example: { seats: [{ role: "client", client: 2 }, { role: "evaluator" }] },
});

/** See {@linkcode Enrolment}. */
export const enrolment = z.strictObject({
  token: z.string().min(1).max(200).describe("The invitation's secret"),
  name: z.string().min(1).max(100).describe("The client's name, for people"),
  publicKey: z.string().length(43).describe("Raw Ed25519 public key, base64url"),
}).openapi("Enrolment") satisfies z.ZodType<Enrolment>;

/** See {@linkcode Enrolled}. */
export const enrolled = z.object({ client: clientIndex, role: seatRole }).openapi("Enrolled", {
  example: { client: 2, role: "client" },
}) satisfies z.ZodType<Enrolled>;

/** See {@linkcode Budget}. */
export const budget = z.strictObject({
  rank: z.int().min(1).exactOptional().describe("Left out where the run or the server decides"),
  samples: count.describe("Training samples"),
  stepSeconds: z.number().positive().exactOptional().describe("Measured seconds of a local step"),
  link: z.strictObject({ down: z.number().positive(), up: z.number().positive() }).exactOptional()
    .describe("Measured bytes per second from and to the server"),
}).openapi("Budget", {
  example: { samples: 400, stepSeconds: 0.12, link: { down: 4e6, up: 1e6 } },
}) satisfies z.ZodType<Budget>;

/** See {@linkcode SettledBudget}. */
export const settledBudget = z.object({
  rank: count.describe("The client's rank; 0 for an evaluator"),
}).openapi("SettledBudget", { example: { rank: 4 } }) satisfies z.ZodType<SettledBudget>;
