/**
 * Requests that were signed and then changed.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonOf, signedInit, type SignedRequest } from "../http/support.ts";
import { answerTo, type Attack } from "./attack.ts";
import { judge } from "./judge.ts";
import { type Party, updateRoute } from "./parties.ts";

/** Sends them; none may pass. */
export async function fuzzSignatures(
  party: Party,
  round: number,
  { stranger, tally, seed, count }: Attack,
): Promise<void> {
  const { test, run, members: [member, other] } = party;
  const names = ["content-digest", "signature-input", "signature"];
  const changed = fc.record({
    target: fc.nat(2),
    name: fc.constantFrom(...names),
    how: fc.oneof(
      fc.record({ kind: fc.constant("flip" as const), at: fc.nat(400), to: fc.nat(94) }),
      fc.record({ kind: fc.constant("cut" as const), at: fc.nat(400) }),
      fc.record({ kind: fc.constant("drop" as const) }),
      fc.record({ kind: fc.constant("twice" as const) }),
      fc.record({ kind: fc.constant("other" as const) }),
      fc.record({ kind: fc.constant("key" as const), whose: fc.nat(1) }),
      fc.record({
        kind: fc.constant("text" as const),
        from: fc.constantFrom(
          '"@method" ',
          "created=1",
          "hafl=",
          "ed25519",
          ";nonce",
          '"',
          "sha-256",
        ),
        to: fc.constantFrom("", "x", "created=0", 'created=1;expires="1"', "rsa-v1_5-sha256", " "),
      }),
      fc.record({
        kind: fc.constant("route" as const),
        extra: fc.constantFrom("&x=1", "&attempt=0", "%20", "#"),
      }),
      fc.record({ kind: fc.constant("method" as const) }),
      fc.record({ kind: fc.constant("body" as const), bytes: fc.uint8Array({ maxLength: 50 }) }),
    ),
  });
  const requests = (): SignedRequest[] => [
    { method: "GET", route: `/v1/runs/${run}/clients/${member.client}/task?wait=0` },
    {
      method: "PUT",
      route: updateRoute(party, member, round, "an-update-with-a-bad-signature"),
      body: new Uint8Array([1, 2, 3]),
    },
    {
      method: "PUT",
      route: `/v1/runs/${run}/clients/${member.client}/progress?x=0`,
      ...jsonOf({ round, attempt: 0, step: 9, steps: 9 }),
    },
  ];
  await fc.assert(
    fc.asyncProperty(changed, async ({ target, name, how }) => {
      const request = requests()[target];
      const init = await signedInit(test.clock, member.key, request);
      const headers = { ...init.headers as Record<string, string> };
      const before = { ...headers };
      let { route } = request;
      switch (how.kind) {
        case "flip": {
          const at = how.at % headers[name].length;
          const letter = String.fromCharCode(33 + how.to);
          headers[name] = headers[name].slice(0, at) + letter + headers[name].slice(at + 1);
          break;
        }
        case "cut":
          headers[name] = headers[name].slice(0, how.at % headers[name].length);
          break;
        case "drop":
          delete headers[name];
          break;
        case "twice":
          headers[name] += `, ${headers[name]}`;
          break;
        case "other": {
          const another = await signedInit(test.clock, member.key, request);
          headers[name] = (another.headers as Record<string, string>)[name];
          break;
        }
        case "key": {
          const { keyId } = [stranger, other.key][how.whose];
          headers["signature-input"] = before["signature-input"].replace(member.key.keyId, keyId);
          break;
        }
        case "text":
          headers[name] = headers[name].replace(how.from, how.to);
          break;
        case "route":
          route += how.extra;
          break;
        case "method":
          init.method = request.method === "PUT" ? "POST" : "HEAD";
          break;
        case "body":
          if (init.body) init.body = new Uint8Array(how.bytes);
          break;
      }
      // What Headers trims away and what URLs leave out was never sent.
      const same = names.every((name) => headers[name]?.trim() === before[name]) &&
        init.method === request.method && (how.kind !== "route" || how.extra === "#") &&
        (how.kind !== "body" || target === 0);
      const response = await answerTo(test, `http://localhost${route}`, { ...init, headers });
      const attack = { method: init.method, target, name, how, headers, route };
      await judge(response, attack, tally);
      if (!same) assert.ok(response.status >= 400, `let pass: ${JSON.stringify(attack)}`);
      // The first one is right before it is changed: what is not changed is served.
      if (same && target === 0) assert.equal(response.status, 200);
    }),
    { numRuns: count, seed },
  );
}
