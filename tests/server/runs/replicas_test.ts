import assert from "node:assert/strict";
import { nextTask, runStatus, type Service, tick } from "../../../server/runs/mod.ts";
import type { OnStep } from "../../../server/store/database.ts";
import type { Step } from "../../../server/store/steps.ts";
import { type AdapterBank, encodeBank, type RunManifest } from "../../../src/protocol/mod.ts";
import { tinyBank, tinyManifest } from "../tiny_run.ts";
import { postgresStore, type TestStore } from "../store/stores.ts";
import {
  bankBytes,
  join,
  nextBank,
  roundTask,
  send,
  serviceOn,
  startRun,
  stores,
  takePart,
  train,
} from "./support.ts";

const manifest = tinyManifest();

/** With a bank of more than one chunk. */
const wide: RunManifest = {
  ...manifest,
  layout: {
    ...manifest.layout,
    modules: [{ name: "wide", inFeatures: 17_000, outFeatures: 2 }],
  },
};
const ranks = [0, 1, 2].map((client) => ({ client, rank: 1 + client }));

/** Asserts the banks of a whole run. */
async function expectBanks(
  service: Service,
  run: string,
  own: RunManifest = manifest,
): Promise<void> {
  let bank: AdapterBank = tinyBank(own);
  for (let round = 0; round < own.rounds; round++) {
    bank = await nextBank(run, own, bank, round, ranks);
    assert.deepEqual(await bankBytes(service, run, round + 1), encodeBank(bank));
  }
}

async function twoServices(open: TestStore["open"], second?: TestStore["open"]) {
  const published: string[] = [];
  const onStep: OnStep = (step, moment) => {
    if (step === "publish-round" && moment === "after") published.push(step);
  };
  const clock = { now: 1_000_000 };
  const db = await open({ onStep });
  const other = second ? await second({ onStep }) : db;
  return { services: [serviceOn(db, clock), serviceOn(other, clock)], clock, published };
}

for (const store of stores) {
  store.test("two services that tick at once on one database publish each round once", async ({ open }) => {
    // SQLite is opened by one process; two services in it are its replicas.
    const again = store === postgresStore ? open : undefined;
    const { services, published } = await twoServices(open, again);
    const [one, two] = services;
    const { run, invitations } = await startRun(one, manifest);
    await Promise.all(invitations.map((invitation, i) => join(services[i % 2], run, invitation)));
    for (let round = 0; round < manifest.rounds; round++) {
      await Promise.all([0, 1, 2].map(async (client) => {
        const service = services[(client + round) % 2];
        const { address, bytes } = await train(service, run, client, manifest);
        // Through both, as a client does whose answer got lost.
        await Promise.all([one, two].map((other) => send(other, run, address, bytes)));
      }));
      await Promise.all([one, two, one, two].map((service) => tick(service)));
    }
    assert.equal((await runStatus(two, run)).state, "finished");
    assert.equal(published.length, manifest.rounds);
    await expectBanks(two, run);
    for (const { samples } of (await runStatus(one, run)).published.slice(1)) {
      assert.equal(samples, 10 + 11 + 12);
    }
  });

  store.test("two services at the deadline retry a missed round once", async ({ open }) => {
    const { services, clock } = await twoServices(
      open,
      store === postgresStore ? open : undefined,
    );
    const [one, two] = services;
    const { run, invitations } = await startRun(one, manifest);
    for (const invitation of invitations) await join(one, run, invitation);
    clock.now += 600_000;
    await Promise.all([one, two, one, two].map((service) => tick(service)));
    const { retries, current } = await runStatus(one, run);
    assert.deepEqual([retries, current?.attempt], [1, 1]);
    assert.deepEqual(await roundTask(two, run, 0), await roundTask(one, run, 0));
  });

  const crashing: readonly Step[] = [
    "accept-update",
    "take-download",
    "close-round",
    "store-chunk",
    "publish-round",
  ];
  for (const step of crashing) {
    for (const moment of ["before", "after"] as const) {
      store.test(`a failure ${moment} the commit of ${step} loses nothing and counts nothing twice`, async ({ open }) => {
        let armed = false;
        let failed = 0;
        const db = await open({
          onStep: (now, when) => {
            if (!armed || now !== step || when !== moment) return;
            armed = false;
            failed++;
            throw new Error("the process died");
          },
        });
        const own = step === "store-chunk" ? wide : manifest;
        const clock = { now: 1_000_000 };
        const { run, invitations } = await startRun(serviceOn(db, clock), own);
        for (const invitation of invitations) {
          await join(serviceOn(db, clock), run, invitation);
        }
        // Whoever fails comes again with a memory of nothing; updates keep id and bytes.
        const insist = async (
          work: (service: ReturnType<typeof serviceOn>) => Promise<unknown>,
        ) => {
          for (;;) {
            try {
              await work(serviceOn(db, clock));
              return;
            } catch (error) {
              assert.equal((error as Error).message, "the process died");
            }
          }
        };
        for (let round = 0; round < own.rounds; round++) {
          armed = true;
          for (const client of [0, 1, 2]) {
            await insist(async (service) => {
              const task = await nextTask(service, run, client);
              // Told to wait, it is done: the answer of the update was lost.
              if (task.kind !== "wait") await takePart(service, run, client, own);
            });
          }
          await insist((service) => tick(service));
        }
        assert.equal(failed, own.rounds);
        const service = serviceOn(db, clock);
        await expectBanks(service, run, own);
        const { state, published } = await runStatus(service, run);
        assert.equal(state, "finished");
        assert.deepEqual(published.map(({ samples }) => samples), [0, 33, 33, 33]);
      });
    }
  }
}
