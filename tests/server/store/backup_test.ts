import assert from "node:assert/strict";

import { backup } from "../../../server/store/backup.ts";
import { CHUNK_BYTES } from "../../../server/store/blobs.ts";
import type { Database, Queries, SqlRow } from "../../../server/store/database.ts";
import { tables } from "../../../server/store/migrations.ts";
import { restore } from "../../../server/store/restore.ts";
import { contentOf, fill } from "./filled.ts";
import { insertAudit } from "./rows.ts";
import { postgresStore, sqliteStore } from "./stores.ts";

/** A database whose snapshots tell of the rows that are read, and may do something after the first statement. */
function watched(
  database: Database,
  onRows: (rows: readonly SqlRow[]) => void | Promise<void>,
): Database {
  return {
    ...database,
    snapshot: (work) =>
      database.snapshot((queries) => {
        const watching: Queries = {
          async query<Row = SqlRow>(sql: string, parameters?: Parameters<Queries["query"]>[1]) {
            const rows = await queries.query<Row>(sql, parameters);
            await onRows(rows as SqlRow[]);
            return rows;
          },
        };
        return work(watching);
      }),
  };
}

postgresStore.test("a backup is restored as it was, by either database", async (postgres) => {
  await sqliteStore.within(async (sqlite) => {
    const path = (name: string) => `${sqlite.dataDir}/${name}.backup`;
    const first = await sqlite.open();
    await fill(first);
    const content = await contentOf(first);
    for (const { name, columns } of tables) {
      assert.ok(content[name].length > 0, `there are rows of ${name}`);
      assert.deepEqual(Object.keys(content[name][0]).sort(), columns.toSorted(), name);
    }
    const counts = await backup(first, path("first"));
    assert.deepEqual(
      counts,
      Object.fromEntries(tables.map(({ name }) => [name, content[name].length])),
    );

    const second = await postgres.open();
    assert.deepEqual(await restore(second, path("first")), counts);
    assert.deepEqual(await contentOf(second), content);
    assert.deepEqual(await backup(second, path("second")), counts);
    assert.deepEqual(await Deno.readFile(path("second")), await Deno.readFile(path("first")));

    await sqliteStore.within(async ({ open }) => {
      const third = await open();
      await restore(third, path("second"));
      assert.deepEqual(await contentOf(third), content);
    });
  });
});

for (const kind of [sqliteStore, postgresStore]) {
  kind.test("restore() lets numbered rows go on after those restored", async ({ dataDir, open }) => {
    const path = `${dataDir}/file.backup`;
    const database = await open();
    await backup(database, path);
    await restore(database, path);
    const addAudit = (to: Database) => to.transaction("audit", (tx) => insertAudit(tx, "a"));
    assert.equal(await addAudit(database), 1, "after a backup of nothing");
    await backup(database, path);
    await kind.within(async (other) => {
      const restored = await other.open();
      await restore(restored, path);
      assert.equal(await addAudit(restored), 2);
    });
  });

  kind.test("restore() writes nothing when the database fails", async ({ dataDir, open }) => {
    const path = `${dataDir}/file.backup`;
    const database = await open();
    await fill(database);
    await backup(database, path);
    await kind.within(async (other) => {
      const failing = await other.open({
        onStep(step) {
          if (step === "restore") throw new Error("a power failure");
        },
      });
      await assert.rejects(restore(failing, path), /a power failure/);
      for (const rows of Object.values(await contentOf(failing))) assert.deepEqual(rows, []);
    });
  });

  kind.test("backup() copies one moment, a few rows at a time", async ({ dataDir, open }) => {
    const path = `${dataDir}/file.backup`;
    const database = await open();
    await fill(database);
    const content = await contentOf(database);
    let statements = 0;
    let largest = 0;
    const counts = await backup(
      watched(database, async (rows) => {
        if (statements++ === 0) {
          await database.transaction("audit", (tx) => insertAudit(tx, "meanwhile"));
        }
        const bytes = rows.map((row) => row.bytes instanceof Uint8Array ? row.bytes.length : 0);
        largest = Math.max(largest, bytes.reduce((sum, size) => sum + size, 0));
      }),
      path,
    );
    assert.ok(statements > tables.length);
    assert.equal(counts.audit, content.audit.length);
    assert.equal(largest, 4 * CHUNK_BYTES);
  });
}

sqliteStore.test("backup() writes a whole file or none, for its owner only", async ({ dataDir, open }) => {
  const database = await open();
  await Deno.mkdir(`${dataDir}/backups`);
  const path = `${dataDir}/backups/file.backup`;
  await Deno.writeTextFile(path, "an earlier one");
  const failing = watched(database, (rows) => {
    if (rows.length > 0) throw new Error("the disk is gone");
  });
  await fill(database);
  await assert.rejects(backup(failing, path), /the disk is gone/);
  assert.equal(await Deno.readTextFile(path), "an earlier one");
  await backup(database, path);
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  assert.deepEqual([...Deno.readDirSync(`${dataDir}/backups`)].map(({ name }) => name), [
    "file.backup",
  ]);
});

sqliteStore.test("backup() says that it cannot replace a folder, and leaves nothing beside it", async ({ dataDir, open }) => {
  const path = `${dataDir}/backups/a-folder`;
  await Deno.mkdir(path, { recursive: true });
  await assert.rejects(backup(await open(), path), {
    name: "UserError",
    message: new RegExp(`^Cannot write the backup "${path}": Is a directory`),
  });
  assert.deepEqual([...Deno.readDirSync(`${dataDir}/backups`)].map(({ name }) => name), [
    "a-folder",
  ]);
});

sqliteStore.test("backup() copies beside a server that is running", async ({ dataDir, open }) => {
  const server = await open();
  await fill(server);
  const counts = await backup(await open({ use: "read" }), `${dataDir}/file.backup`);
  assert.equal(counts.runs, 1);
});

sqliteStore.test("backup() names a file it cannot write", async ({ dataDir, open }) => {
  const path = `${dataDir}/missing/file.backup`;
  const message = new RegExp(`^UserError: Cannot write the backup "${path}": No such file`);
  await assert.rejects(backup(await open(), path), message);
});
