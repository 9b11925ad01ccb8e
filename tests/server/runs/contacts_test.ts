import assert from "node:assert/strict";
import {
  flushContacts,
  noteContact,
  openDownload,
  runStatus,
  setBudget,
  sweep,
  tick,
} from "../../../server/runs/mod.ts";
import { tinyManifest } from "../tiny_run.ts";
import { joinedRun, refuses, serviceOn, sign, stores, takePart, uploadOf } from "./support.ts";

const manifest = tinyManifest();

for (const store of stores) {
  store.test("noteContact() shows at once here, and elsewhere after flushContacts()", async ({ open }) => {
    const db = await open();
    const clock = { now: 1_000_000 };
    const [here, there] = [serviceOn(db, clock), serviceOn(db, clock)];
    const run = await joinedRun(here, manifest);
    await openDownload(here, run, { round: 0, attempt: 0, client: 1 });
    clock.now += 10;
    const progress = { round: 0, attempt: 0, step: 1, steps: 2 };
    noteContact(here, run, 1, progress);
    noteContact(here, run, 1);
    const seatOf = async (service: typeof here) => (await runStatus(service, run)).seats[1];
    const { revision } = await runStatus(here, run);
    assert.equal((await seatOf(here)).lastContact, 1_000_010);
    assert.deepEqual((await seatOf(here)).progress, progress);
    assert.equal((await seatOf(there)).lastContact, 1_000_000);
    assert.equal((await seatOf(there)).progress, null);
    await flushContacts(here);
    assert.equal((await seatOf(there)).lastContact, 1_000_010);
    assert.deepEqual((await seatOf(there)).progress, progress);
    // A later contact without progress leaves it, an older one changes nothing.
    clock.now += 5;
    noteContact(there, run, 1);
    await flushContacts(there);
    clock.now -= 10;
    noteContact(here, run, 1, { ...progress, step: 0 });
    await flushContacts(here);
    await flushContacts(here);
    assert.equal((await seatOf(here)).lastContact, 1_000_015);
    assert.deepEqual((await seatOf(here)).progress, progress);
    assert.equal((await runStatus(here, run)).revision, revision, "contacts are soft");
  });

  store.test("runStatus() tells what each client does", async ({ open }) => {
    const base = tinyManifest({ seats: 4 });
    const own = {
      ...base,
      participation: { ...base.participation, perRound: 3, quorum: 3 },
    };
    const service = serviceOn(await open());
    const run = await joinedRun(service, own);
    const activities = async () =>
      (await runStatus(service, run)).seats.map(({ activity }) => activity);
    const { sampled } = (await runStatus(service, run)).current!;
    const idle = [0, 1, 2, 3].find((client) => !sampled.includes(client))!;
    const expected = sampled.reduce<string[]>((list, client, i) => {
      list[client] = ["uploaded", "training", "sampled"][i];
      return list;
    }, []);
    expected[idle] = "idle";
    await takePart(service, run, sampled[0], own);
    await openDownload(service, run, { round: 0, attempt: 0, client: sampled[1] });
    assert.deepEqual(await activities(), expected);
    service.clock.now += 150_001;
    noteContact(service, run, sampled[1]);
    expected.forEach((_, client) => {
      if (client !== sampled[1]) expected[client] = "absent";
    });
    assert.deepEqual(await activities(), expected);
  });

  store.test("sweep() forgets nonces past the window and uploads that never ended", async ({ open }) => {
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    await uploadOf(service, new Uint8Array(600_000)); // its process died
    const count = async (table: string) =>
      (await service.db.query(`SELECT 1 AS n FROM ${table}`)).length;
    const signed = sign();
    await setBudget(service, run, 0, { samples: 3 }, signed);
    const nonces = await count("nonces");
    service.clock.now += 15 * 60_000;
    await sweep(service);
    assert.equal(await count("nonces"), nonces, "of the window's age at most");
    const replay = () => setBudget(service, run, 0, { samples: 3 }, signed);
    await refuses(replay, "replay", { reason: "replay" });
    assert.equal(await count("blob_chunks"), 1 + 2);
    service.clock.now += 24 * 3600_000;
    // By the timer's way.
    await tick(service);
    assert.equal(await count("nonces"), 0);
    assert.equal(await count("blob_chunks"), 1, "the bank");
  });
}
