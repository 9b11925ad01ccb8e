import type { Hook, z } from "@hono/zod-openapi";
import type { HttpEnv } from "./caller.ts";
import { ProblemError } from "./problems.ts";

const places: Readonly<Record<string, string>> = {
  json: "body",
  param: "path",
  query: "query",
  header: "headers",
};

/** Refuses a request that does not fit its route's schema, with the first thing that is wrong. */
// deno-lint-ignore no-explicit-any -- hono's own type for a hook of every route
export const explainInvalid: Hook<any, HttpEnv, any, void> = (result, c) => {
  if (result.success) return;
  const issue = firstIssue(result.error.issues);
  const where = issue.path.length === 0 ? "" : ` at "${issue.path.map(String).join(".")}"`;
  const what = issue.message.replace(/^Invalid input: /, "").replace(/\s+/g, " ").slice(0, 300);
  throw new ProblemError(
    "malformed",
    `Cannot read the ${places[result.target] ?? result.target}${where}: ${what}`,
    c.get("caller")?.kind === "client" ? { reason: "malformed" } : {},
  );
};

/** What is wrong first; of a document that is none of several kinds, what keeps it from being the one that it is most like. */
function firstIssue([issue]: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return issue;
  const nearest = issue.errors.reduce((best, next) => next.length < best.length ? next : best);
  const inner = firstIssue(nearest);
  return { ...inner, path: [...issue.path, ...inner.path] };
}
