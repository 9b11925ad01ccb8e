import assert from "node:assert/strict";
import {
  advance,
  auditLog,
  nextTask,
  runStatus,
  type Service,
  stopRun,
  tick,
  withdraw,
} from "../../../server/runs/mod.ts";
import { encodeBank, type Participation, type RunManifest } from "../../../src/protocol/mod.ts";
import { tinyBank, tinyManifest } from "../tiny_run.ts";
import {
  bankBytes,
  join,
  joinedRun,
  nextBank,
  refuses,
  send,
  serviceOn,
  startRun,
  stores,
  takePart,
  train,
} from "./support.ts";

/** Three clients, of which two must answer. */
function forgiving(changes: Partial<Participation> = {}): RunManifest {
  const manifest = tinyManifest({ rounds: 2 });
  return { ...manifest, participation: { ...manifest.participation, quorum: 2, ...changes } };
}

const ranks = [0, 1, 2].map((client) => ({ client, rank: 1 + client }));

async function bankAfter(
  service: Service,
  run: string,
  manifest: RunManifest,
  contributors: number[],
): Promise<void> {
  const bank = await nextBank(run, manifest, tinyBank(manifest), 0, ranks, contributors);
  assert.deepEqual(await bankBytes(service, run, 1), encodeBank(bank));
}

for (const store of stores) {
  store.test("withdraw() drops the update of the open attempt, and the round goes on", async ({ open }) => {
    const manifest = forgiving();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    for (const client of [0, 1]) await takePart(service, run, client, manifest);
    const task = await nextTask(service, run, 2);
    await withdraw(service, run, 1, "admin");
    await tick(service);
    let status = await runStatus(service, run);
    assert.deepEqual(status.current?.received, [0]);
    assert.deepEqual(status.current?.sampled, [0, 1, 2]);
    assert.deepEqual(await nextTask(service, run, 2), task, "the others' deal stays as it was");
    await refuses(() => nextTask(service, run, 1), "withdrawn", { reason: "withdrawn" });
    await takePart(service, run, 2, manifest);
    await tick(service);
    status = await runStatus(service, run);
    assert.deepEqual(status.published[1].contributors, [0, 2]);
    await bankAfter(service, run, manifest, [0, 2]);
    assert.deepEqual(status.current?.sampled, [0, 2], "it is not sampled again");
    assert.deepEqual(
      [status.seats[1].state, status.seats[1].activity],
      ["withdrawn", "absent"],
    );
    const blobs = await service.db.query("SELECT id FROM blobs");
    assert.equal(blobs.length, 2, "the banks");
    const [entry] = await auditLog(service, 1);
    assert.deepEqual([entry.act, entry.detail], ["withdraw", "client 1"]);
    await withdraw(service, run, 1, "admin");
    assert.equal((await auditLog(service, 1))[0].id, entry.id, "once");
  });

  store.test("withdraw() of the last one missing closes the round", async ({ open }) => {
    const manifest = forgiving();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    for (const client of [0, 1]) await takePart(service, run, client, manifest);
    const late = await train(service, run, 2, manifest);
    await withdraw(service, run, 2, "admin");
    await advance(service, run);
    assert.equal((await runStatus(service, run)).roundsDone, 1);
    await bankAfter(service, run, manifest, [0, 1]);
    const reason = "withdrawn";
    await refuses(() => send(service, run, late.address, late.bytes), "withdrawn", { reason });
  });

  store.test("withdraw() below the quorum lets the run wait for another client", async ({ open }) => {
    const manifest = forgiving({ seats: 4, start: 2 });
    const own: RunManifest = { ...manifest, ranks: { kind: "fixed", ranks: [1, 2, 3, 4] } };
    const service = serviceOn(await open());
    const { run, invitations } = await startRun(service, own);
    for (const invitation of invitations.slice(0, 2)) await join(service, run, invitation);
    await withdraw(service, run, 0, "admin");
    await tick(service);
    const { state, current, retries } = await runStatus(service, run);
    assert.deepEqual([state, current, retries], ["waiting", null, 1]);
    assert.deepEqual(await nextTask(service, run, 1), { kind: "wait", reason: "clients" });
    await join(service, run, invitations[3]);
    const next = (await runStatus(service, run)).current;
    assert.deepEqual([next?.round, next?.attempt, next?.sampled], [0, 1, [1, 3]]);
  });

  store.test("withdraw() of who never came starts the run with those who did", async ({ open }) => {
    const manifest = forgiving();
    const service = serviceOn(await open());
    const { run, invitations } = await startRun(service, manifest);
    for (const invitation of invitations.slice(0, 2)) await join(service, run, invitation);
    assert.equal((await runStatus(service, run)).state, "waiting");
    await withdraw(service, run, 2, "admin");
    assert.deepEqual((await runStatus(service, run)).current?.sampled, [0, 1]);
  });

  store.test("withdraw() leaves what is being aggregated", async ({ open }) => {
    const manifest = forgiving();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    for (const client of [0, 1, 2]) await takePart(service, run, client, manifest);
    await service.db.transaction("close-round", async (transaction) => {
      await transaction.query("UPDATE rounds SET state = 'aggregating' WHERE run = $1", [run]);
    });
    await withdraw(service, run, 1, "admin");
    await tick(service);
    await bankAfter(service, run, manifest, [0, 1, 2]);
    await refuses(() => withdraw(service, run, 8, "admin"), "not-found");
  });

  store.test("stopRun() ends a run where it is", async ({ open }) => {
    const manifest = forgiving();
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    for (const client of [0, 1, 2]) await takePart(service, run, client, manifest);
    await tick(service);
    await takePart(service, run, 0, manifest);
    const { address, bytes } = await train(service, run, 1, manifest);
    await stopRun(service, run, "admin");
    await stopRun(service, run, "admin");
    const { state, current, roundsDone } = await runStatus(service, run);
    assert.deepEqual([state, current, roundsDone], ["stopped", null, 1]);
    assert.deepEqual(await nextTask(service, run, 0), { kind: "stopped", rounds: 1 });
    const reason = "round-closed";
    await refuses(() => send(service, run, address, bytes), "run-over", { reason });
    service.clock.now += 1e9;
    await tick(service);
    assert.equal((await runStatus(service, run)).roundsDone, 1);
    const blobs = await service.db.query("SELECT id FROM blobs");
    assert.equal(blobs.length, 2, "the banks stay");
    const stops = (await auditLog(service, 9)).filter(({ act }) => act === "stop");
    assert.deepEqual(stops.map(({ detail }) => detail), ["after 1 rounds"]);
  });
}
