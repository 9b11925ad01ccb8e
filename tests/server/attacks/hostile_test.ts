/** Clients that mean ill: each is refused for its reason, written down by name, and the run is what it would be without them. */

import assert from "node:assert/strict";
import { largestChoice } from "../../../src/protocol/layout_size.ts";
import type { RejectReason, RunStatus } from "../../../src/protocol/mod.ts";
import { until } from "../http/fake_clock.ts";
import {
  expectStatus,
  type Member,
  sendSigned,
  signedInit,
  type SignedRequest,
  withApp,
} from "../http/support.ts";
import { adminRequest, publishedBank, tinyManifest } from "../tiny_run.ts";
import { behaveBadly } from "./bad_behaviour.ts";
import { expectRefusal, type Refusal } from "./expect_refusal.ts";
import {
  choiceRequest,
  deliver,
  openParty,
  type Party,
  prepareUpdate,
  type ReadyUpdate,
  updateRoute,
} from "./parties.ts";

/** Four clients, of whom three are enough. */
const four = { ...tinyManifest({ seats: 4 }).participation, quorum: 3 };
const manifest = tinyManifest({
  participation: four,
  ranks: { kind: "fixed", ranks: [1, 2, 3, 2] },
});

/** A round in which clients 0 to 2 deliver and client 3 does as it likes; it ends at its deadline. */
async function play(
  party: Party,
  round: number,
  act: (member: Member, ready: ReadyUpdate, other: ReadyUpdate) => Promise<void>,
): Promise<void> {
  const { test, members } = party;
  const bad = members[3];
  const ready = await prepareUpdate(party, bad, round);
  let other: ReadyUpdate | undefined;
  for (const member of members.slice(0, 3)) other = await deliver(party, member, round);
  await act(bad, ready, other!);
  await test.clock.advance(1000 * four.deadlineSeconds);
  await test.tick();
}

async function statusOf({ test, run }: Pick<Party, "test" | "run">): Promise<RunStatus> {
  return await (await adminRequest(test.admin, `/v1/runs/${run}`)).json();
}

/** The banks without the client, which comes for its download and vanishes. */
async function banksWithout(rounds = manifest.rounds): Promise<Uint8Array[]> {
  const banks: Uint8Array[] = [];
  await withApp(async (test) => {
    const party = await openParty(test, manifest);
    for (let round = 0; round < rounds; round++) {
      await play(party, round, async () => {});
      banks.push(await publishedBank(test.admin, party.run));
    }
  });
  return banks;
}

Deno.test("createApp() refuses whatever a hostile client sends, and the banks are those without it", async () => {
  const expected = await banksWithout();
  await withApp(async (test) => {
    const party = await openParty(test, manifest);
    let refusals = 0;
    for (let round = 0; round < manifest.rounds; round++) {
      await play(party, round, async (bad, ready, update) => {
        refusals += await behaveBadly(party, bad, round, ready, {
          member: party.members[2],
          update,
        });
      });
      assert.deepEqual(await publishedBank(test.admin, party.run), expected[round]);
    }
    const { state, retries, rejectCounts, published } = await statusOf(party);
    assert.deepEqual([state, retries], ["finished", 0]);
    const counted = Object.values(rejectCounts).reduce((sum, count) => sum + count, 0);
    assert.equal(counted, refusals);
    assert.deepEqual(published.slice(1).map(({ contributors }) => contributors), [
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ]);
    assert.deepEqual(test.lines.filter(({ level }) => level === "error"), []);
    // Nothing of what was refused is left: the banks that are kept, and no more.
    const [{ blobs }] = await test.db.query("SELECT COUNT(*) AS blobs FROM blobs");
    assert.equal(blobs, 4);
  }, { limits: { refusalsPerClient: { burst: 1000, perSecond: 1 } } });
});

Deno.test("acceptUpdate() counts one update of a client, whatever else it sends", async () => {
  const [expected] = await banksWithout(1);
  await withApp(async (test) => {
    const party = await openParty(test, manifest);
    await play(party, 0, async (_, __, { request }) => {
      const member = party.members[2];
      const twice: Refusal = { code: "conflict", status: 409, reason: "duplicate" };
      // Valid too, and another: a number of the head is one bit off.
      const body = request.body.slice();
      body[body.length - 4 * 8 - 1] ^= 1;
      const others: SignedRequest[] = [
        { ...request, body },
        { ...request, body, route: updateRoute(party, member, 0, "a-second-update-of-mine") },
        { ...request, route: updateRoute(party, member, 0, "the-same-update-again-") },
      ];
      for (const other of others) {
        const send = () => sendSigned(test, member.key, other);
        await expectRefusal(party, member, 0, twice, send);
      }
      const same = await sendSigned(test, member.key, request);
      assert.deepEqual(await same.json(), { update: "update-of-2-in-0", repeated: true });
    });
    assert.deepEqual(await publishedBank(test.admin, party.run), expected);
  });
});

Deno.test("createApp() hears nothing more of a client that was withdrawn, whose update is dropped", async () => {
  const [expected] = await banksWithout(1);
  await withApp(async (test) => {
    const party = await openParty(test, manifest);
    const { run } = party;
    await play(party, 0, async (bad, { request, download }) => {
      assert.ok(download.length > 0);
      await expectStatus(200, await sendSigned(test, bad.key, request));
      await adminRequest(test.admin, `/v1/runs/${run}/clients/3/withdraw`, { method: "POST" });
      const gone: Refusal = { code: "withdrawn", status: 403, reason: "withdrawn" };
      const tries: [SignedRequest, number | null][] = [
        [request, 0],
        [{ ...request, route: updateRoute(party, bad, 0, "an-update-under-a-new-id") }, 0],
        [{ method: "GET", route: `/v1/runs/${run}/rounds/0/downloads/3?attempt=0` }, 0],
        [{ method: "GET", route: `/v1/runs/${run}/clients/3/task?wait=20` }, null],
        [{ method: "GET", route: `/v1/runs/${run}/banks/latest` }, null],
      ];
      for (const [request, round] of tries) {
        await expectRefusal(party, bad, round, gone, () => sendSigned(test, bad.key, request));
      }
    });
    assert.deepEqual(await publishedBank(test.admin, run), expected);
    assert.deepEqual((await statusOf(party)).published[1].contributors, [0, 1, 2]);
  });
});

Deno.test("createApp() takes no update of a client that was not sampled", () =>
  withApp(async (test) => {
    const participation = { ...four, perRound: 3 };
    const party = await openParty(test, tinyManifest({ seats: 4, participation }));
    const { current } = await statusOf(party);
    const idle = party.members.find(({ client }) => !current!.sampled.includes(client))!;
    const busy = party.members.find(({ client }) => current!.sampled.includes(client))!;
    const { request } = await prepareUpdate(party, busy, 0);
    const expected: Refusal = { code: "not-sampled", status: 409, reason: "not-sampled" };
    const route = updateRoute(party, idle, 0, "an-update-nobody-wants");
    await expectRefusal(
      party,
      idle,
      0,
      expected,
      () => sendSigned(test, idle.key, { ...request, route }),
    );
    await expectRefusal(party, idle, 0, expected, () =>
      sendSigned(test, idle.key, {
        method: "GET",
        route: `/v1/runs/${party.run}/rounds/0/downloads/${idle.client}?attempt=0`,
      }));
  }));

Deno.test("putChoice() takes no more components than a client's rank, and no second choice", () =>
  withApp(async (test) => {
    const method = { ...manifest.method, rankBy: "client", warmupRounds: 0 } as const;
    const ranks = { kind: "fixed", ranks: [1, 2, 3] } as const;
    const party = await openParty(test, tinyManifest({ method, ranks }));
    const [small, large] = party.members;
    const greedy = {
      ...party,
      manifest: { ...party.manifest, ranks: { ...ranks, ranks: [3, 2] } },
    };
    const budget: Refusal = { code: "update-refused", status: 422, reason: "budget" };
    await expectRefusal(
      party,
      small,
      0,
      budget,
      () => sendSigned(test, small.key, choiceRequest(greedy, small, 0)),
    );
    const foreign: Refusal = { code: "update-refused", status: 422, reason: "malformed" };
    await expectRefusal(party, small, 0, foreign, () =>
      sendSigned(test, small.key, {
        ...choiceRequest(party, small, 0),
        body: choiceRequest(party, large, 0).body,
      }));
    await expectStatus(204, await sendSigned(test, small.key, choiceRequest(party, small, 0)));
    const seeded = { ...party, manifest: { ...party.manifest, seed: 99 } };
    const twice: Refusal = { code: "conflict", status: 409, reason: "duplicate" };
    await expectRefusal(
      party,
      small,
      0,
      twice,
      () => sendSigned(test, small.key, choiceRequest(seeded, small, 0)),
    );
  }));

Deno.test("choiceBytes() lets no choice be received where the server deals, nor more of one than the layout asks for", () =>
  withApp(async (test) => {
    const method = { ...manifest.method, rankBy: "client", warmupRounds: 1 } as const;
    const party = await openParty(test, tinyManifest({ method }));
    const [member] = party.members;
    let read = 0;
    const put = (round: number) =>
      sendSigned(test, member.key, {
        ...choiceRequest(party, member, round),
        sends: new ReadableStream({
          pull(controller) {
            read += 1000;
            controller.enqueue(new Uint8Array(1000));
          },
        }, { highWaterMark: 0 }),
      });
    const dealt: Refusal = { code: "conflict", status: 409, reason: "budget" };
    await expectRefusal(party, member, 0, dealt, () => put(0));
    assert.equal(read, 0);
    const tooLarge: Refusal = { code: "too-large", status: 413, reason: "too-large" };
    await expectRefusal(party, member, 1, tooLarge, () => put(1));
    const most = largestChoice(party.manifest.layout);
    assert.ok(read < most + 3000, `${read} bytes were read of at most ${most}`);
  }));

Deno.test("createApp() writes half a body down, whether its socket was left or says no more", () =>
  withApp(async (test) => {
    const party = await openParty(test, manifest);
    const [member] = party.members;
    const { request } = await prepareUpdate(party, member, 0);
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (incoming, { remoteAddr }) => test.app.fetch(incoming, { remoteAddr }),
    );
    const sendHalf = async () => {
      const { headers } = await signedInit(test.clock, member.key, request);
      const head = [
        `PUT ${request.route} HTTP/1.1`,
        "host: localhost",
        `content-length: ${request.body.length}`,
        ...Object.entries(headers as Record<string, string>).map((pair) => pair.join(": ")),
      ].join("\r\n");
      const socket = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
      await socket.write(new TextEncoder().encode(`${head}\r\n\r\n`));
      await socket.write(request.body.slice(0, request.body.length / 2));
      return socket;
    };
    const isLogged = (reason: RejectReason) =>
      test.lines.some(({ event, facts }) =>
        event === "refused" && facts.reason === reason && facts.client === member.client
      );

    (await sendHalf()).close();
    await until(() => isLogged("incomplete"));

    using silent = await sendHalf();
    await until(() => test.clock.pending > 0);
    await test.clock.advance(30_001);
    const answer = new Uint8Array(1000);
    const length = await silent.read(answer);
    assert.match(new TextDecoder().decode(answer.subarray(0, length!)), /^HTTP\/1\.1 408 /);
    assert.ok(isLogged("too-slow"));

    await expectStatus(200, await sendSigned(test, member.key, request));
  }));
