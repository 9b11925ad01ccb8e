/**
 * Everything that one client can do wrong in a round.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RejectReason } from "../../../src/protocol/mod.ts";
import { turn, until } from "../http/fake_clock.ts";
import { expectProblem, type Member, sendSigned, type SignedRequest } from "../http/support.ts";
import { expectRefusal, type Refusal } from "./expect_refusal.ts";
import { hostileMessages } from "./hostile_updates.ts";
import { type Party, type ReadyUpdate, updateRoute } from "./parties.ts";

/** Does it all, with the right update of the client in its hands. @returns how many messages were refused. */
export async function behaveBadly(
  party: Party,
  member: Member,
  round: number,
  { request }: ReadyUpdate,
  other: { readonly member: Member; readonly update: ReadyUpdate },
): Promise<number> {
  const { test, run } = party;
  let count = 0;
  const refused = async (
    expected: Refusal,
    message: Partial<SignedRequest>,
    at: number | null = round,
  ) => {
    const id = `hostile-update-${count++}-of-${round}`;
    const sent = { ...request, route: updateRoute(party, member, round, id), ...message };
    await expectRefusal(
      party,
      member,
      at,
      expected,
      () => sendSigned(test, member.key, sent),
    );
  };
  const malformed = (reason: RejectReason): Refusal => ({ code: "malformed", status: 400, reason });

  for (const { make, ...expected } of hostileMessages) {
    const body = new Uint8Array(make(request.body, other.update.request.body, party.manifest));
    await refused(expected, { body });
  }
  await refused(malformed("digest"), { sends: other.update.request.body });
  await refused(malformed("digest"), { sends: request.body.slice(0, -1) });
  await refused(malformed("incomplete"), { sends: cutOff(request.body) });
  await refused(malformed("incomplete"), {
    body: request.body.slice(0, 100),
    headers: { "content-length": String(request.body.length) },
  });
  await refused({ code: "too-large", status: 413, reason: "too-large" }, { sends: endless() });
  await expectSlow(party, member, round, request);

  const foreign: Refusal = { code: "unauthorized", status: 403, reason: "wrong-client" };
  const theirs = other.member.client;
  await refused(foreign, { route: updateRoute(party, other.member, round, "in-another-name-1") });
  await refused(foreign, {
    method: "GET",
    route: `/v1/runs/${run}/rounds/${round}/downloads/${theirs}?attempt=0`,
    body: new Uint8Array(),
  });
  await refused(foreign, {
    method: "GET",
    route: `/v1/runs/${run}/clients/${theirs}/task?wait=20`,
    body: new Uint8Array(),
  }, null);

  const early: Refusal = { code: "conflict", status: 409, reason: "wrong-round" };
  const late: Refusal = { code: "round-closed", status: 409, reason: "round-closed" };
  await refused(
    early,
    { route: updateRoute(party, member, round + 1, "a-round-too-early") },
    round + 1,
  );
  if (round > 0) {
    await refused(
      late,
      { route: updateRoute(party, member, round - 1, "a-round-too-late") },
      round - 1,
    );
  }
  const answer = await sendSigned(test, member.key, {
    ...request,
    route: updateRoute(party, member, round, "short"),
  });
  assert.equal((await expectProblem("malformed", 400, answer)).reason, "malformed");
  return count + 2;
}

/** A body that stops after its first half, with the connection open. */
async function expectSlow(
  party: Party,
  member: Member,
  round: number,
  { body }: ReadyUpdate["request"],
): Promise<void> {
  const { test } = party;
  const expected: Refusal = { code: "too-slow", status: 408, reason: "too-slow" };
  await expectRefusal(party, member, round, expected, async () => {
    const answer = sendSigned(test, member.key, {
      method: "PUT",
      route: updateRoute(party, member, round, `a-slow-update-of-${round}`),
      body,
      sends: new ReadableStream({
        start: (controller) => controller.enqueue(body.slice(0, body.length / 2)),
      }),
    });
    const timers = test.clock.pending;
    await until(() => test.clock.pending > timers);
    await turn();
    await test.clock.advance(30_001);
    return await answer;
  });
}

/** The first half of a body, and a connection that breaks. */
function cutOff(body: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(body.slice(0, body.length / 2)),
    pull: (controller) => controller.error(new Error("connection reset")),
  }, { highWaterMark: 0 });
}

/** A body without a Content-Length that never ends. */
function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      sent += 10_000;
      assert.ok(sent < 1_000_000, "read far past the cap");
      controller.enqueue(new Uint8Array(10_000));
    },
  });
}
