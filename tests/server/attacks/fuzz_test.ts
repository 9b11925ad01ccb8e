/** Ten thousand requests of all kinds against a server with a round open, which notices nothing of them. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { RunManifest } from "../../../src/protocol/mod.ts";
import { adminToken, newKey, sendSigned, signedInit, withApp } from "../http/support.ts";
import { adminRequest, createTinyRun, tinyManifest } from "../tiny_run.ts";
import { answerTo, type Attack } from "./attack.ts";
import { fuzzBodies } from "./fuzz_bodies.ts";
import { type FuzzRequest, fuzzRequest, routeOf } from "./fuzz_requests.ts";
import { fuzzSignatures } from "./fuzz_signatures.ts";
import { judge, type Tally, tallyLine } from "./judge.ts";
import { banksOf, deliver, finish, openParty, type Party, prepareUpdate } from "./parties.ts";

const seed = Number(Deno.env.get("HAFL_FUZZ_SEED") ?? 20_261_125);
/** Of each kind in a round; there are six rounds. */
const counts = { requests: 700, bodies: 700, signatures: 300 };

const plenty = { burst: 1e9, perSecond: 1e9 };
const limits = {
  perClient: plenty,
  refusalsPerClient: plenty,
  perAddress: plenty,
  refusalLines: { burst: 1, perSecond: 1e-6 },
};

const patient = { ...tinyManifest().participation, deadlineSeconds: 30 * 86_400 };
/** The server ranks in one run, the clients in the other. */
const manifests: readonly RunManifest[] = [
  tinyManifest({ participation: patient }),
  tinyManifest({
    participation: patient,
    method: { ...tinyManifest().method, method: "truncate", rankBy: "client", warmupRounds: 0 },
  }),
];

Deno.test("createApp() answers 10,000 fuzzed requests in order, and the rounds go on as if there were none", async () => {
  const undisturbed: Uint8Array[][] = [];
  await withApp(async (test) => {
    for (const manifest of manifests) {
      const party = await openParty(test, manifest);
      await finish(party);
      undisturbed.push(await banksOf(party));
    }
  });

  await withApp(async (test) => {
    const tally: Tally = new Map();
    const parties = [];
    for (const manifest of manifests) parties.push(await openParty(test, manifest));
    // The administrator's own requests go to a run of their own: they may do there what they say.
    const { run: victim } = await createTinyRun(test.admin, tinyManifest());
    const { run: open, invitations } = await createTinyRun(test.admin, tinyManifest());
    const attack = {
      stranger: await newKey(),
      newcomer: { key: await newKey(), run: open, token: invitations[0].token },
      victim,
      tally,
    };
    for (const [p, party] of parties.entries()) {
      for (let round = 0; round < party.manifest.rounds; round++) {
        await fuzzRound(party, round, { ...attack, seed: seed + 10 * p + round });
        await test.tick();
      }
    }

    const total = [...tally.values()].reduce((sum, count) => sum + count, 0);
    console.log(`${total} requests, seed ${seed}: ${tallyLine(tally)}`);
    assert.ok(total >= 10_000);
    for (const status of [200, 201, 204, 400, 401, 403, 404, 405, 409, 422]) {
      assert.ok(tally.has(status), `the attacks never got as far as ${status}`);
    }
    for (const [p, party] of parties.entries()) {
      assert.deepEqual(await banksOf(party), undisturbed[p], `run ${p}`);
    }
    for (const { run } of await (await adminRequest(test.admin, "/v1/runs")).json()) {
      await (await adminRequest(test.admin, `/v1/runs/${run}`)).body?.cancel();
    }
    await test.tick();
    assert.deepEqual(test.lines.filter(({ level }) => level === "error"), []);
  }, { limits });
});

/** Takes a run through a round; all but one client have delivered when the attacks come, and the attacks are those of the ones that have. */
async function fuzzRound(
  party: Party,
  round: number,
  attack: Omit<Attack, "count">,
): Promise<void> {
  const last = party.members.at(-1)!;
  const delivered = [];
  for (const member of party.members.slice(0, -1)) {
    delivered.push(await deliver(party, member, round));
  }
  const messages = delivered.flatMap(({ request, download }) => [request.body, download]);
  await fuzzRequests(party, round, { ...attack, count: counts.requests });
  await fuzzBodies(party, round, messages, { ...attack, count: counts.bodies });
  await fuzzSignatures(party, round, { ...attack, count: counts.signatures });
  const { request } = await prepareUpdate(party, last, round);
  const answer = await sendSigned(party.test, last.key, request);
  assert.deepEqual(await answer.json(), {
    update: `update-of-${last.client}-in-${round}`,
    repeated: false,
  });
}

async function fuzzRequests(
  { test, run, manifest, members: [member] }: Party,
  round: number,
  { stranger, victim, tally, seed, count }: Attack,
): Promise<void> {
  const right = {
    client: String(member.client),
    round: String(round),
    attempt: "0",
    wait: "0",
    limit: "10",
    update: "an-update-nobody-sent",
    hash: manifest.model.hash,
    path: "config.json",
  };
  await fc.assert(
    fc.asyncProperty(fuzzRequest, async (fuzz) => {
      const isAdmin = fuzz.sender === "admin";
      const route = `http://localhost${routeOf(fuzz, { ...right, run: isAdmin ? victim : run })}`;
      const response = await answerTo(test, route, await initOf(fuzz, route));
      await judge(response, { ...fuzz, route }, tally);
    }),
    { numRuns: count, seed },
  );

  async function initOf(fuzz: FuzzRequest, route: string): Promise<RequestInit> {
    const { sender, method, body, headers } = fuzz;
    const bodiless = method.toUpperCase() === "GET" || method === "HEAD";
    const sends = body !== undefined && !bodiless ? { body } : {};
    if (sender === "nobody") return { method, headers, ...sends };
    if (sender === "admin") {
      return { method, headers: { authorization: `Bearer ${adminToken}`, ...headers }, ...sends };
    }
    const key = sender === "client" ? member.key : stranger;
    const signed = await signedInit(test.clock, key, {
      method: method.toUpperCase(),
      route,
      headers,
      ...sends,
    });
    return bodiless ? { ...signed, method, body: null } : { ...signed, method };
  }
}
