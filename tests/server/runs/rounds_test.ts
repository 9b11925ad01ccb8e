import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import {
  advance,
  beginDue,
  nextTask,
  openDownload,
  runStatus,
  settle,
  tick,
} from "../../../server/runs/mod.ts";
import {
  encodeBank,
  type Participation,
  type RunManifest,
  sampleClients,
} from "../../../src/protocol/mod.ts";
import { tinyBank, tinyManifest } from "../tiny_run.ts";
import {
  bankBytes,
  join,
  joinedRun,
  nextBank,
  refuses,
  roundTask,
  send,
  serviceOn,
  startRun,
  stores,
  takePart,
  train,
} from "./support.ts";

/** Six seats, of which four are sampled for three updates with a quorum of two. */
function selective(changes: Partial<Participation> = {}): RunManifest {
  const manifest = tinyManifest({ seats: 6 });
  const participation = {
    ...manifest.participation,
    start: 5,
    perRound: 3,
    overSelection: 1.2,
    quorum: 2,
    deadlineSeconds: 60,
    ...changes,
  };
  return { ...manifest, participation };
}

const sampleOf = (manifest: RunManifest, ready: number[], count: number, attempt: number) =>
  sampleClients({ ready, count, seed: manifest.seed, round: 0, attempt });

for (const store of stores) {
  store.test("the first round opens with the last client that is expected", async ({ open }) => {
    const service = serviceOn(await open());
    const { run, invitations } = await startRun(service, selective());
    for (const invitation of invitations.slice(0, 4)) await join(service, run, invitation);
    assert.deepEqual(await nextTask(service, run, 0), { kind: "wait", reason: "clients" });
    assert.equal((await runStatus(service, run)).state, "waiting");
    await join(service, run, invitations[5]);
    const { state, current } = await runStatus(service, run);
    assert.equal(state, "running");
    assert.deepEqual(current, {
      round: 0,
      attempt: 0,
      state: "open",
      openedAt: 1_000_000,
      deadline: 1_060_000,
      sampled: sampleOf(selective(), [0, 1, 2, 3, 5], 4, 0),
      received: [],
    });
    // Who joins later is there for the next sample.
    await join(service, run, invitations[4]);
    assert.deepEqual((await runStatus(service, run)).current?.sampled, current.sampled);
  });

  store.test("a round over-selects, closes with what it aims for and turns the rest away", async ({ open }) => {
    const manifest = selective();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    const sampled = sampleOf(manifest, [0, 1, 2, 3, 4], 4, 0);
    const outsider = [0, 1, 2, 3, 4].find((client) => !sampled.includes(client))!;
    assert.deepEqual(await nextTask(service, run, outsider), { kind: "wait", reason: "round" });
    const place = { round: 0, attempt: 0, client: outsider };
    await refuses(() => openDownload(service, run, place), "not-sampled", {
      reason: "not-sampled",
    });

    const [straggler, ...quick] = sampled;
    assert.equal((await runStatus(service, run)).current?.state, "open");
    const late = await train(service, run, straggler, manifest);
    assert.equal((await runStatus(service, run)).current?.state, "collecting");
    for (const client of quick) await takePart(service, run, client, manifest);
    // Three are in: the fourth is late even before anyone has ticked.
    const closed = { reason: "round-closed" } as const;
    await refuses(() => send(service, run, late.address, late.bytes), "round-closed", closed);
    for (const client of [straggler, quick[0]]) {
      assert.deepEqual(await nextTask(service, run, client), { kind: "wait", reason: "round" });
    }
    await tick(service);

    const status = await runStatus(service, run);
    assert.equal(status.roundsDone, 1);
    assert.deepEqual(status.published[1].contributors, quick);
    assert.deepEqual(status.published[1].sampled, sampled);
    await refuses(() => send(service, run, late.address, late.bytes), "round-closed", closed);
    const ranks = sampled.map((client) => ({ client, rank: 1 + client % 4 }));
    const bank = await nextBank(run, manifest, tinyBank(manifest), 0, ranks, quick);
    assert.deepEqual(await bankBytes(service, run), encodeBank(bank));
    assert.equal((await runStatus(service, run)).rejectCounts["round-closed"], 2);
    assert.equal((await runStatus(service, run)).current?.round, 1, "the refusal ended nothing");
  });

  store.test("a round past its deadline is aggregated with a quorum", async ({ open }) => {
    const manifest = selective();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    const { sampled } = (await runStatus(service, run)).current!;
    const late = await train(service, run, sampled[3], manifest);
    for (const client of sampled.slice(0, 2)) await takePart(service, run, client, manifest);
    service.clock.now += 59_999;
    await tick(service);
    assert.equal((await runStatus(service, run)).roundsDone, 0);
    service.clock.now += 1;
    // Before anyone ticks the update is late already.
    await refuses(() => send(service, run, late.address, late.bytes), "round-closed", {
      reason: "round-closed",
    });
    await tick(service);
    const { published, current, retries } = await runStatus(service, run);
    assert.deepEqual(published[1].contributors, sampled.slice(0, 2));
    assert.equal(published[1].attempts, 1);
    assert.deepEqual([current?.round, current?.attempt, retries], [1, 0, 0]);
  });

  store.test("a round that misses its quorum is retried with a new sample", async ({ open }) => {
    const manifest = selective();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    const first = (await runStatus(service, run)).current!;
    const delivered = await train(service, run, first.sampled[0], manifest);
    await send(service, run, delivered.address, delivered.bytes);
    service.clock.now += 60_000;
    await tick(service);

    const { current, retries, roundsDone } = await runStatus(service, run);
    assert.deepEqual([roundsDone, retries, current?.round, current?.attempt], [0, 1, 0, 1]);
    assert.deepEqual(current?.sampled, sampleOf(manifest, [0, 1, 2, 3, 4, 5], 4, 1));
    assert.equal(current?.deadline, service.clock.now + 60_000);
    // The update of the missed attempt does not count; sending it again changes nothing.
    assert.equal((await send(service, run, delivered.address, delivered.bytes)).repeated, true);
    assert.deepEqual((await runStatus(service, run)).current?.received, []);
    const blobs = await service.db.query("SELECT id FROM blobs");
    assert.equal(blobs.length, 1, "the bank alone is left");

    for (const client of current!.sampled.slice(1)) await takePart(service, run, client, manifest);
    await tick(service);
    const { published } = await runStatus(service, run);
    assert.equal(published[1].attempts, 2);
    assert.equal(published[1].openedAt, 1_000_000);
    assert.deepEqual(published[1].contributors, current!.sampled.slice(1));
  });

  store.test("an update for an attempt that was missed is told so, and one for no attempt", async ({ open }) => {
    const manifest = selective({ perRound: 6, overSelection: 1, start: 6 });
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    const { address, bytes } = await train(service, run, 0, manifest);
    service.clock.now += 60_000;
    await tick(service);
    await refuses(() => send(service, run, address, bytes), "round-closed", {
      reason: "round-closed",
    });
    for (const change of [{ attempt: 2 }, { round: 1, attempt: 0 }]) {
      const wrong = { ...address, ...change };
      await refuses(() => send(service, run, wrong, bytes), "conflict", { reason: "wrong-round" });
    }
    // The same bytes are good for the new attempt: they follow from the bank and the round.
    await openDownload(service, run, { ...address, attempt: 1 });
    assert.equal((await send(service, run, { ...address, attempt: 1 }, bytes)).repeated, false);
  });

  store.test("a run on SQL alone: a new process picks up a closed round", async ({ open }) => {
    const manifest = tinyManifest();
    const db = await open();
    const before = serviceOn(db);
    const run = await joinedRun(before, manifest);
    for (const client of [0, 1, 2]) await takePart(before, run, client, manifest);
    // As left by a process that died right after it closed the round.
    await db.transaction("close-round", async (transaction) => {
      await transaction.query("UPDATE rounds SET state = 'aggregating' WHERE run = $1", [run]);
    });
    assert.deepEqual(await nextTask(before, run, 0), { kind: "wait", reason: "round" });
    const after = serviceOn(db);
    await tick(after);
    const ranks = [0, 1, 2].map((client) => ({ client, rank: 1 + client }));
    const bank = await nextBank(run, manifest, tinyBank(manifest), 0, ranks);
    assert.deepEqual(await bankBytes(after, run), encodeBank(bank));
    assert.deepEqual(await roundTask(before, run, 0), await roundTask(after, run, 0));
  });

  store.test("published rounds tell who took part, bytes and components", async ({ open }) => {
    const manifest = tinyManifest();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    let [up, down] = [0, 0];
    for (const client of [0, 1, 2]) {
      const place = { round: 0, attempt: 0, client };
      const { sizes } = await openDownload(service, run, place);
      assert.equal(sizes.total, sizes.lora + sizes.head + sizes.overhead);
      down += sizes.total;
      const { address, bytes } = await train(service, run, client, manifest); // downloads again
      up += bytes.length;
      await send(service, run, address, bytes);
    }
    service.clock.now += 5;
    await advance(service, run);
    const { published } = await runStatus(service, run);
    const [initial, first] = published;
    assert.deepEqual(
      [initial.round, initial.attempts, initial.samples, initial.trainedShare, initial.openedAt],
      [0, 0, 0, 0, null],
    );
    assert.equal(first.samples, 10 + 11 + 12);
    assert.deepEqual(first.contributors, [0, 1, 2]);
    assert.equal(first.upBytes.total, up);
    assert.equal(first.downBytes.total, down);
    // Ranks 1, 2 and 3 of 6 + 5 and 6 + 3 numbers, and a head of 14.
    assert.deepEqual([first.upBytes.lora, first.upBytes.head], [4 * 6 * 20, 4 * 3 * 14]);
    assert.deepEqual([first.downBytes.lora, first.downBytes.head], [4 * 12 * 20, 4 * 3 * 14]);
    assert.deepEqual(first.selected.map((counts) => counts.reduce((x, y) => x + y)), [6, 6]);
    assert.equal(first.trainedShare, 1, "the warm-up deals six places over four components");
    assert.ok(first.scores.flat().every((score) => score > 0));
    assert.deepEqual([first.openedAt, first.publishedAt], [1_000_000, 1_000_005]);
    assert.deepEqual([first.heldOut, first.evaluators], [null, null]);
  });

  store.test("changed() tells of each change after its commit, with a new revision", async ({ open }) => {
    const manifest = tinyManifest({ rounds: 1 });
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    const revision = async () => (await runStatus(service, run)).revision;
    const { address, bytes } = await train(service, run, 0, manifest);
    const before = await revision();
    service.heard.changed.length = 0;
    await send(service, run, address, bytes);
    assert.deepEqual(service.heard.changed, [run]);
    assert.ok(await revision() > before);
    await tick(service);
    assert.deepEqual(service.heard.changed, [run], "nothing was due");
    await takePart(service, run, 1, manifest);
    await takePart(service, run, 2, manifest);
    service.heard.changed.length = 0;
    service.heard.events.length = 0;
    await tick(service);
    assert.deepEqual(service.heard.changed, [run, run]);
    const events = service.heard.events.map(({ event }) => event);
    assert.deepEqual(events, ["round-closed", "round-published"]);
  });

  store.test("tick() gives every run its turn, tells which failed and throws the first error", async ({ open }) => {
    const db = await open();
    const before = serviceOn(db);
    const runs: string[] = [];
    for (const name of ["one", "two"]) {
      const manifest = tinyManifest({ name });
      const run = await joinedRun(before, manifest);
      for (const client of [0, 1, 2]) await takePart(before, run, client, manifest);
      runs.push(run);
    }
    runs.sort();
    const service = serviceOn({
      ...db,
      query: (sql, parameters) => {
        if (sql.includes("FROM updates") && parameters?.[0] === runs[0]) {
          throw new Error("the disk failed");
        }
        return db.query(sql, parameters);
      },
    });
    await assert.rejects(() => tick(service), /the disk failed/);
    assert.equal((await runStatus(before, runs[0])).roundsDone, 0);
    assert.equal((await runStatus(before, runs[1])).roundsDone, 1);
    const failures = service.heard.events.filter(({ event }) => event === "advance-failed");
    assert.deepEqual(failures.map(({ facts }) => facts), [
      { run: runs[0], error: "Error: the disk failed" },
    ]);
  });

  store.test("beginDue() looks at a run while another is aggregated, and settle() waits for all", async ({ open }) => {
    const db = await open();
    const before = serviceOn(db);
    const [slow, quick] = await Promise.all(
      ["slow", "quick"].map((name) => joinedRun(before, tinyManifest({ name }))),
    );
    const manifest = tinyManifest();
    for (const client of [0, 1, 2]) await takePart(before, slow, client, manifest);
    const reading = Promise.withResolvers<void>();
    const read = Promise.withResolvers<void>();
    let aggregations = 0;
    const service = serviceOn({
      ...db,
      query: async (sql, parameters) => {
        if (sql.startsWith("SELECT client, blob FROM updates") && parameters?.[0] === slow) {
          aggregations++;
          reading.resolve();
          await read.promise;
        }
        return await db.query(sql, parameters);
      },
    });
    const roundsOf = async (run: string) => (await runStatus(before, run)).roundsDone;
    const first = await beginDue(service);
    await reading.promise;
    for (const client of [0, 1, 2]) await takePart(before, quick, client, manifest);
    const second = await beginDue(service);
    assert.deepEqual([second.begun.length, second.joined.length], [1, 1]);
    await second.begun[0];
    assert.deepEqual([await roundsOf(slow), await roundsOf(quick)], [0, 1]);

    let settled = false;
    const settling = settle(service).then(() => settled = true);
    await setImmediate();
    assert.equal(settled, false);
    read.resolve();
    await settling;
    await Promise.all([...first.begun, ...second.joined]);
    assert.deepEqual([await roundsOf(slow), aggregations], [1, 1]);
    assert.equal(service.memory.works.size, 0);
  });

  store.test("advance() lets others have a turn between two updates", async ({ open }) => {
    const manifest = tinyManifest();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    for (const client of [0, 1, 2]) await takePart(service, run, client, manifest);
    let turns = 0;
    let done = false;
    const others = (async () => {
      for (; !done; turns++) await setImmediate();
    })();
    await advance(service, run);
    done = true;
    await others;
    assert.ok(turns >= 3, `${turns}`);
  });

  store.test("a round whose servers were down at the deadline gets its time again", async ({ open }) => {
    const manifest = selective();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    const { sampled } = (await runStatus(service, run)).current!;
    const trained = await train(service, run, sampled[0], manifest);
    for (const client of sampled.slice(1, 3)) await takePart(service, run, client, manifest);
    const back = service.clock.now += 60_000 + 60_000;
    // Those who come before the first tick are not sent away.
    await send(service, run, trained.address, trained.bytes);
    assert.equal((await runStatus(service, run)).current?.received.length, 3);
    await tick(service);
    assert.equal((await runStatus(service, run)).roundsDone, 1, "nothing is missing");

    const second = (await runStatus(service, run)).current!;
    assert.equal(second.deadline, back + 60_000);
    await takePart(service, run, second.sampled[0], manifest);
    service.clock.now += 60_000 + 60_000;
    assert.equal((await roundTask(service, run, second.sampled[1])).round, 1);
    service.heard.events.length = 0;
    await tick(service);
    const extended = await runStatus(service, run);
    assert.deepEqual(extended.current, {
      ...second,
      state: "collecting",
      received: [second.sampled[0]],
      deadline: service.clock.now + 60_000,
    });
    assert.equal(extended.retries, 0);
    assert.deepEqual(service.heard.events.map(({ event }) => event), ["round-extended"]);
    // The new deadline is one like the first.
    service.clock.now += 60_000;
    await tick(service);
    assert.equal((await runStatus(service, run)).retries, 1);
  });
}
