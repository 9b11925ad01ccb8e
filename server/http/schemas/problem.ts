/**
 * Problem documents, and which of them a route can answer with.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import {
  type Problem,
  type ProblemCode,
  problemType,
  problemUri,
} from "../../../src/protocol/http/problem.ts";
import { problemKinds } from "../problems.ts";
import { rejectReason } from "./status.ts";

/** See {@linkcode Problem}. */
export const problem = z.looseObject({
  type: z.string().describe("urn:hafl:problem:<code>"),
  status: z.int(),
  title: z.string(),
  detail: z.string().describe("A sentence for the person who can mend it"),
  reason: rejectReason.exactOptional(),
  serverTime: z.int().exactOptional().describe("With clock-skew: the server's clock"),
  request: z.string().exactOptional().describe("With internal: names the request in the log"),
}).openapi("Problem", {
  example: {
    type: problemUri("round-closed"),
    status: 409,
    title: problemKinds["round-closed"].title,
    detail: "Cannot take the update: attempt 0 at round 3 is closed; ask for the next task",
  },
}) satisfies z.ZodType<Problem>;

/** A response of a route, as OpenAPI describes it. */
interface ProblemDescription {
  readonly description: string;
  readonly content: { readonly [problemType]: { readonly schema: typeof problem } };
}

/** The responses by which a route refuses, by status. */
export function problems(...codes: ProblemCode[]): Record<number, ProblemDescription> {
  const responses: Record<number, ProblemDescription> = {};
  for (const code of codes) {
    const { status, title } = problemKinds[code];
    const before = responses[status]?.description;
    const description = `${title} (\`${code}\`)`;
    responses[status] = {
      description: before === undefined ? description : `${before}; ${description}`,
      content: { [problemType]: { schema: problem } },
    };
  }
  return responses;
}

/** What any request that a client signed may meet. */
export const signedProblems = [
  "malformed",
  "unauthorized",
  "bad-signature",
  "clock-skew",
  "replay",
  "withdrawn",
  "not-found",
  "rate-limited",
] as const satisfies readonly ProblemCode[];
