import assert from "node:assert/strict";
import { type Budget, type RanksPolicy, type RunManifest } from "../../../src/protocol/mod.ts";
import {
  enrol,
  invite,
  nextTask,
  runStatus,
  type Service,
  setBudget,
  stopRun,
  tick,
} from "../../../server/runs/mod.ts";
import { encodeBank } from "../../../src/protocol/mod.ts";
import { tinyBank, tinyManifest } from "../tiny_run.ts";
import {
  bankBytes,
  joinedRun,
  newKey,
  nextBank,
  refuses,
  serviceOn,
  sign,
  startRun,
  stores,
  takePart,
} from "./support.ts";

async function enrolled(
  service: Service,
  ranks: RanksPolicy,
  changes: Partial<RunManifest> = {},
): Promise<string> {
  const { run, invitations } = await startRun(service, tinyManifest({ ranks, ...changes }));
  for (const { token } of invitations) {
    const { publicKey, keyId } = await newKey();
    await enrol(service, run, { token, name: "c", publicKey }, sign(keyId));
  }
  return run;
}

for (const store of stores) {
  store.test("setBudget() under fixed ranks gives each seat its own", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await enrolled(service, { kind: "fixed", ranks: [4, 1, 2] });
    const settle = (client: number, budget: Budget) =>
      setBudget(service, run, client, budget, sign());
    assert.deepEqual(await settle(1, { samples: 5 }), { rank: 1 });
    assert.deepEqual(await settle(1, { samples: 6, rank: 1 }), { rank: 1 });
    await refuses(() => settle(2, { samples: 5, rank: 3 }), "conflict");
    const { seats } = await runStatus(service, run);
    assert.deepEqual([seats[1].state, seats[1].rank, seats[1].samples], ["ready", 1, 6]);
    assert.deepEqual([seats[2].state, seats[2].rank, seats[2].samples], ["enrolled", null, null]);
  });

  store.test("setBudget() under stated ranks takes the client's word, once", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await enrolled(service, { kind: "stated" });
    const settle = (rank?: number) =>
      setBudget(service, run, 0, { samples: 5, ...(rank !== undefined && { rank }) }, sign());
    await refuses(() => settle(), "conflict", { message: /expected a rank of 1 to 4, got none/ });
    for (const rank of [5, 0]) await refuses(() => settle(rank), "conflict");
    await refuses(() => settle(1.5), "malformed");
    assert.deepEqual(await settle(3), { rank: 3 });
    assert.deepEqual(await settle(), { rank: 3 });
    await refuses(() => settle(2), "conflict", { message: /rank 3, which was settled, got 2/ });
  });

  store.test("setBudget() under stated ranks keeps to a method that needs them all", async ({ open }) => {
    const service = serviceOn(await open());
    const { method } = tinyManifest();
    const run = await enrolled(service, { kind: "stated" }, {
      method: { ...method, aggregation: "fedit" },
    });
    const message = /fedit/;
    const settle = (rank: number) => setBudget(service, run, 0, { samples: 5, rank }, sign());
    await refuses(() => settle(3), "conflict", { message });
    assert.deepEqual(await settle(4), { rank: 4 });
  });

  store.test("setBudget() under auto ranks gives the largest tier that meets the deadline", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await enrolled(service, { kind: "auto", tiers: [1, 2, 4] });
    const settle = (client: number, budget: Budget) =>
      setBudget(service, run, client, budget, sign());
    // 600 s, 2 steps; an update of rank 1 has some 700 bytes, one of rank 4 some 1000.
    const link = { down: 1e6, up: 1e6 };
    assert.deepEqual(await settle(0, { samples: 1, stepSeconds: 1, link }), { rank: 4 });
    assert.deepEqual(await settle(1, { samples: 1, stepSeconds: 1000, link }), { rank: 1 });
    await refuses(() => settle(2, { samples: 1 }), "conflict", { message: /seconds of a step/ });
    await refuses(() => settle(2, { samples: 1, rank: 3 }), "conflict");
    assert.deepEqual(await settle(2, { samples: 1, rank: 2 }), { rank: 2 });
    // Measured anew, a settled rank stays.
    assert.deepEqual(await settle(1, { samples: 1, stepSeconds: 1, link }), { rank: 1 });
  });

  store.test("setBudget() refuses numbers that are none, replays and runs that ended", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await enrolled(service, { kind: "fixed", ranks: [1, 1, 1] });
    const link = { down: 1, up: 0 };
    const bad: Budget[] = [
      { samples: -1 },
      { samples: 1.5 },
      { samples: 1, stepSeconds: NaN },
      { samples: 1, stepSeconds: 0 },
      { samples: 1, link },
    ];
    for (const budget of bad) {
      await refuses(() => setBudget(service, run, 0, budget, sign()), "malformed");
    }
    const signed = sign();
    await setBudget(service, run, 0, { samples: 1 }, signed);
    const reason = "replay";
    await refuses(() => setBudget(service, run, 0, { samples: 1 }, signed), "replay", { reason });
    await refuses(() => setBudget(service, run, 7, { samples: 1 }, sign()), "not-found");
    await stopRun(service, run, "admin");
    await refuses(() => setBudget(service, run, 1, { samples: 1 }, sign()), "run-over");
  });

  store.test("setBudget() of an evaluator gives rank 0 and counts for no round", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await enrolled(service, { kind: "fixed", ranks: [1, 1, 1] });
    const [{ token, client }] = await invite(service, run, "admin", [{ role: "evaluator" }]);
    const { publicKey, keyId } = await newKey();
    await enrol(service, run, { token, name: "e", publicKey }, sign(keyId));
    assert.deepEqual(await setBudget(service, run, client, { samples: 0 }, sign()), { rank: 0 });
    for (const client of [0, 1]) await setBudget(service, run, client, { samples: 1 }, sign());
    assert.equal((await runStatus(service, run)).state, "waiting");
    await setBudget(service, run, 2, { samples: 1 }, sign());
    const { state, current } = await runStatus(service, run);
    assert.deepEqual([state, current?.sampled], ["running", [0, 1, 2]]);
    assert.deepEqual(await nextTask(service, run, client), { kind: "evaluate", rounds: 0 });
  });

  store.test("stated ranks reach the deals", async ({ open }) => {
    const manifest = tinyManifest({ ranks: { kind: "stated" }, rounds: 1 });
    const service = serviceOn(await open());
    const ranks = [3, 1, 4];
    const budget = (client: number) => ({ samples: 1, rank: ranks[client] });
    const run = await joinedRun(service, manifest, budget);
    for (const client of [0, 1, 2]) await takePart(service, run, client, manifest);
    await tick(service);
    const participants = ranks.map((rank, client) => ({ client, rank }));
    const bank = await nextBank(run, manifest, tinyBank(manifest), 0, participants);
    assert.deepEqual(await bankBytes(service, run), encodeBank(bank));
  });
}
