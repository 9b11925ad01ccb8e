import assert from "node:assert/strict";
import type { ProblemCode, RejectReason } from "../../../src/protocol/mod.ts";
import { expectProblem, type Member } from "../http/support.ts";
import type { Party } from "./parties.ts";

/** How a message is refused. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly status: number;
  readonly reason: RejectReason;
}

/** Asserts that a message is refused, and that its sender, round and reason are in the answer, the rejects, the audit and the log. */
export async function expectRefusal(
  { test, run }: Party,
  { client }: Member,
  round: number | null,
  { code, status, reason }: Refusal,
  send: () => Promise<Response>,
): Promise<void> {
  const lines = test.lines.length;
  const problem = await expectProblem(code, status, await send());
  assert.equal(problem.reason, reason);
  const where = { run, client, round, reason };
  const [reject] = await test.db.query(
    "SELECT run, client, round, reason FROM rejects ORDER BY id DESC LIMIT 1",
  );
  assert.deepEqual(reject, where);
  const [entry] = await test.db.query<{ detail: string }>(
    "SELECT actor, act, run, detail FROM audit ORDER BY id DESC LIMIT 1",
  );
  assert.deepEqual({ ...entry, detail: entry.detail.split(":")[0] }, {
    actor: `client ${client}`,
    act: "refused",
    run,
    detail: reason,
  });
  const logged = test.lines.slice(lines).find(({ event }) => event === "refused");
  const { detail: _, ...facts } = logged!.facts;
  assert.deepEqual(facts, where);
}
