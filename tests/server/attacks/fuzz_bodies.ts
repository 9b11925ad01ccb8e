/**
 * Messages that were right once, signed as they are.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { ClientKey } from "../../../src/federated/remote/client_key.ts";
import { jsonOf, sendSigned, type SignedRequest } from "../http/support.ts";
import type { Attack } from "./attack.ts";
import { judge } from "./judge.ts";
import { mutate, mutation } from "./mutations.ts";
import { choiceRequest, type Party, updateRoute } from "./parties.ts";

interface Target extends SignedRequest {
  readonly body: Uint8Array<ArrayBuffer>;
  /** Instead of the client's. */
  readonly key?: ClientKey;
}

/** Sends them as a client whose update of the round is there already. @param messages of the round, to take parts of. */
export async function fuzzBodies(
  party: Party,
  round: number,
  messages: readonly Uint8Array<ArrayBuffer>[],
  { newcomer, tally, seed, count }: Attack,
): Promise<void> {
  const { test, run, members: [member] } = party;
  const { client } = member;
  const own = `/v1/runs/${run}/clients/${client}`;
  const document = (value: unknown) => jsonOf(value).body;
  let ids = 0;
  const targets: readonly (() => Target)[] = [
    ...[0, 1, 2, 3].map(() => () => ({
      method: "PUT",
      route: updateRoute(party, member, round, `fuzzed-${seed}-${ids++}`.padEnd(16, "-")),
      body: messages[0],
    })),
    () => choiceRequest(party, member, round),
    () => ({
      method: "POST",
      route: `/v1/runs/${newcomer.run}/enrolments`,
      body: document({
        token: newcomer.token,
        name: "new",
        publicKey: newcomer.key.publicKey,
      }),
      key: newcomer.key,
    }),
    () => ({
      method: "PUT",
      route: `${own}/budget`,
      body: document({ samples: 10, rank: 1, link: { down: 1, up: 1 } }),
    }),
    () => ({
      method: "PUT",
      route: `${own}/progress`,
      body: document({ round, attempt: 0, step: 1, steps: 2 }),
    }),
    () => ({
      method: "PUT",
      route: `/v1/runs/${run}/evaluations/${client}`,
      body: document({ rounds: round, rows: 10, correct: 5, loss: 2 }),
    }),
  ];
  const changes = fc.array(mutation, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.nat(targets.length - 1), changes, async (target, changes) => {
      const { method, route, body, key = member.key } = targets[target]();
      const changed = changes.reduce((bytes, change) => mutate(bytes, change, messages), body);
      const type = target < 5 ? "application/octet-stream" : "application/json";
      const response = await sendSigned(test, key, { method, route, body: changed, type });
      await judge(response, { method, route, body: changed, changes }, tally);
      if (target < 5) assert.ok(response.status >= 400 || target === 4, "a second update counts");
    }),
    { numRuns: count, seed },
  );
}
