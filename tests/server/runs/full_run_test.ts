import assert from "node:assert/strict";
import { bankOf, nextTask, type Service, tick } from "../../../server/runs/mod.ts";
import {
  type AdapterBank,
  encodeBank,
  methodNamed,
  type Participant,
  type RunManifest,
  type ServerOptimizer,
} from "../../../src/protocol/mod.ts";
import { tinyBank, tinyLanguageManifest, tinyManifest } from "../tiny_run.ts";
import { bankBytes, joinedRun, nextBank, serviceOn, stores, takePart } from "./support.ts";

const base = tinyManifest();
const everyone: readonly Participant[] = [0, 1, 2].map((client) => ({ client, rank: 1 + client }));

/** Runs all rounds, the clients in an order of their own each round. */
async function runAll(service: Service, run: string, manifest: RunManifest): Promise<void> {
  const orders = [[2, 0, 1], [0, 1, 2], [1, 2, 0]];
  for (let round = 0; round < manifest.rounds; round++) {
    for (const client of orders[round % 3]) await takePart(service, run, client, manifest);
    await tick(service);
  }
}

const serverOptimizer: ServerOptimizer = {
  kind: "momentum",
  learningRate: 0.7,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-3,
};

const variants: Readonly<Record<string, Partial<RunManifest>>> = {
  "HAFL": {},
  "truncation with zero-padding": {
    method: { ...base.method, method: "truncate", aggregation: "zero-pad" },
  },
  "a global scope and sampled components": {
    method: { ...base.method, scope: "global", selection: "sampled", temperature: 0.5 },
  },
  "clients that rank": { method: { ...base.method, rankBy: "client", scope: "global" } },
  "B alone": { method: { ...base.method, factors: "b", aggregation: "zero-pad" } },
  "B alone, by clients that rank": {
    method: { ...base.method, factors: "b", rankBy: "client", warmupRounds: 0 },
  },
  "a language model": tinyLanguageManifest(),
  "the head alone": { method: { ...base.method, method: "head" } },
  "the head alone, where clients would rank": {
    method: { ...base.method, method: "head", rankBy: "client", warmupRounds: 0 },
  },
  "HetLoRA": { method: { ...base.method, ...methodNamed("hetlora")!.settings } },
  "FlexLoRA": { method: { ...base.method, ...methodNamed("flexlora")!.settings } },
  "a server's momentum": { method: { ...base.method, serverOptimizer } },
  "a server's Adam": {
    method: { ...base.method, serverOptimizer: { ...serverOptimizer, kind: "adam" } },
  },
  "zero-delta without warm-up": {
    method: { ...base.method, aggregation: "zero-delta", warmupRounds: 0 },
  },
};

for (const store of stores) {
  for (const [name, changes] of Object.entries(variants)) {
    store.test(`a run gives the protocol's banks to the bit: ${name}`, async ({ open }) => {
      const manifest = { ...base, ...changes };
      const service = serviceOn(await open());
      const run = await joinedRun(service, manifest);
      await runAll(service, run, manifest);
      let bank: AdapterBank = tinyBank(manifest);
      assert.deepEqual(await bankBytes(service, run, 0), encodeBank(bank));
      for (let round = 0; round < manifest.rounds; round++) {
        bank = await nextBank(run, manifest, bank, round, everyone);
        assert.deepEqual(await bankBytes(service, run, round + 1), encodeBank(bank));
      }
      assert.equal((await bankOf(service, run, "latest")).rounds, manifest.rounds);
      for (const table of ["choices", "downloads"]) {
        assert.deepEqual(await service.db.query(`SELECT run FROM ${table}`), [], table);
      }
      assert.deepEqual(await nextTask(service, run, 0), { kind: "finished", rounds: 3 });
    });
  }

  store.test("the server's moments survive its restart, are of the latest bank alone, and end with the run", async ({ open }) => {
    const manifest: RunManifest = { ...base, method: { ...base.method, serverOptimizer } };
    const db = await open();
    const run = await joinedRun(serviceOn(db), manifest);
    let bank: AdapterBank = tinyBank(manifest);
    for (let round = 0; round < manifest.rounds; round++) {
      // A service of its own knows nothing but what is in the database.
      const service = serviceOn(db);
      for (const { client } of everyone) await takePart(service, run, client, manifest);
      await tick(service);
      bank = await nextBank(run, manifest, bank, round, everyone);
      assert.deepEqual(await bankBytes(service, run, round + 1), encodeBank(bank));
      const kept = await db.query<{ rounds: number }>(
        "SELECT rounds FROM banks WHERE moments IS NOT NULL",
      );
      const last = round + 1 === manifest.rounds;
      assert.deepEqual(kept.map(({ rounds }) => Number(rounds)), last ? [] : [round + 1]);
    }
    const [{ blobs }] = await db.query<{ blobs: number }>("SELECT COUNT(*) AS blobs FROM blobs");
    assert.equal(Number(blobs), 1 + manifest.rounds, "the banks, and nothing else");
  });

  store.test("full distribution with fedit runs at one rank", async ({ open }) => {
    const manifest: RunManifest = {
      ...base,
      rounds: 2,
      method: { ...base.method, method: "full", aggregation: "fedit", rankBy: "client" },
      ranks: { kind: "fixed", ranks: [4, 4, 4] },
    };
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    await runAll(service, run, manifest);
    const participants = everyone.map(({ client }) => ({ client, rank: 4 }));
    // Without warm-up nothing else would be dealt: all components, whoever ranks.
    const dealt: RunManifest = { ...manifest, method: { ...manifest.method, warmupRounds: 9 } };
    const first = await nextBank(run, dealt, tinyBank(manifest), 0, participants);
    assert.deepEqual(await bankBytes(service, run, 1), encodeBank(first));
  });
}
