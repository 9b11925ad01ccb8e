import assert from "node:assert/strict";
import { auditLog, runStatus, type Service, tick } from "../../../server/runs/mod.ts";
import { encodeBank, type RunManifest } from "../../../src/protocol/mod.ts";
import { tinyBank, tinyManifest } from "../tiny_run.ts";
import { bankBytes, joinedRun, nextBank, serviceOn, stores, takePart } from "./support.ts";

const base = tinyManifest();
const withQuorum = (quorum: number): RunManifest => ({
  ...base,
  participation: { ...base.participation, quorum },
});
const ranks = [0, 1, 2].map((client) => ({ client, rank: 1 + client }));

/** Ways in which a disk loses the update of client 1. */
const losses: Readonly<Record<string, string>> = {
  "lost a chunk": "DELETE FROM blob_chunks WHERE blob = $1",
  "has other bytes": "UPDATE blob_chunks SET bytes = (SELECT bytes FROM blob_chunks " +
    "WHERE blob <> $1 ORDER BY blob LIMIT 1) WHERE blob = $1",
  "lost the blob": "DELETE FROM blobs WHERE id = $1",
  // As its digest says, but no message: a version that wrote others.
  "means nothing": "UPDATE blobs SET size = 0, digest = " +
    "'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' WHERE id = $1",
};

async function lose(service: Service, run: string, clients: number[], how: string) {
  await service.db.transaction("sweep", async (transaction) => {
    for (const client of clients) {
      const [{ blob }] = await transaction.query<{ blob: string }>(
        "SELECT blob FROM updates WHERE run = $1 AND client = $2",
        [run, client],
      );
      await transaction.query(losses[how], [blob]);
    }
  });
}

for (const store of stores) {
  for (const how of Object.keys(losses)) {
    store.test(`a round goes on without an update whose disk ${how}`, async ({ open }) => {
      const manifest = withQuorum(2);
      const service = serviceOn(await open());
      const run = await joinedRun(service, manifest);
      for (const client of [0, 1, 2]) await takePart(service, run, client, manifest);
      await lose(service, run, [1], how);
      await tick(service);
      const { published, rejects, retries } = await runStatus(service, run);
      assert.deepEqual(published[1].contributors, [0, 2]);
      assert.deepEqual([rejects, retries], [[], 0], "its client did nothing wrong");
      const bank = await nextBank(run, manifest, tinyBank(manifest), 0, ranks, [0, 2]);
      assert.deepEqual(await bankBytes(service, run), encodeBank(bank));
      const [entry] = await auditLog(service, 1);
      assert.deepEqual([entry.actor, entry.act, entry.run], ["server", "drop", run]);
      assert.match(entry.detail, /^update of client 1 in round 1: /);
      const banks = await service.db.query("SELECT id FROM blobs");
      assert.equal(banks.length, 2, "nothing is left of the updates");
    });
  }

  store.test("a round whose disk left it without a quorum is retried", async ({ open }) => {
    const manifest = withQuorum(2);
    const service = serviceOn(await open());
    const run = await joinedRun(service, manifest);
    for (const client of [0, 1, 2]) await takePart(service, run, client, manifest);
    await lose(service, run, [0, 1], "lost a chunk");
    await tick(service);
    const missed = await runStatus(service, run);
    assert.deepEqual([missed.roundsDone, missed.retries, missed.current?.attempt], [0, 1, 1]);
    for (const client of [0, 1, 2]) await takePart(service, run, client, manifest);
    await tick(service);
    const bank = await nextBank(run, manifest, tinyBank(manifest), 0, ranks);
    assert.deepEqual(await bankBytes(service, run), encodeBank(bank));
  });

  store.test("a round does not lose an update to a database that fails", async ({ open }) => {
    const manifest = withQuorum(2);
    const db = await open();
    const before = serviceOn(db);
    const run = await joinedRun(before, manifest);
    for (const client of [0, 1, 2]) await takePart(before, run, client, manifest);
    const failing = serviceOn({
      ...db,
      query: (sql, parameters) => {
        if (sql.includes("FROM blob_chunks")) throw new Error("the connection broke");
        return db.query(sql, parameters);
      },
    });
    await assert.rejects(() => tick(failing), /the connection broke/);
    await tick(before);
    assert.deepEqual((await runStatus(before, run)).published[1].contributors, [0, 1, 2]);
  });
}
