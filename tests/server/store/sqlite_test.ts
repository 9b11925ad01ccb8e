import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

import { UserError } from "../../../src/protocol/errors.ts";
import { openDatabase } from "../../../server/store/open.ts";
import { openSqlite } from "../../../server/store/sqlite.ts";
import { testStore } from "./conformance.ts";
import { insertAudit } from "./rows.ts";
import { sqliteStore } from "./stores.ts";

testStore(sqliteStore);

const { test } = sqliteStore;

test("openSqlite() refuses a folder that another server uses", async ({ dataDir, open }) => {
  const first = await open();
  await assert.rejects(
    open(),
    new UserError(
      `Cannot open the data in "${dataDir}": another server is using it; ` +
        "stop that one or use another --data-dir",
    ),
  );
  await first.close();
  await (await open()).ping();
});

test("openSqlite() refuses the data of a newer version", async ({ dataDir, open }) => {
  const database = await open();
  await database.transaction(
    "migrate",
    (transaction) => transaction.query("UPDATE meta SET value = '77' WHERE key = 'schema'"),
  );
  await database.close();
  const message = new RegExp(
    `^UserError: Cannot open the data in "${dataDir}": it was written by a newer version ` +
      "\\(schema 77, this one knows \\d+\\); update the server or use another --data-dir",
  );
  await assert.rejects(open(), message);
  await assert.rejects(open({ use: "read" }), message);
});

test("openSqlite() refuses a file that is no database", async ({ dataDir, open }) => {
  const path = `${dataDir}/hafl.db`;
  await Deno.writeTextFile(path, "a letter to nobody\n".repeat(100));
  await assert.rejects(
    open(),
    new UserError(
      `Cannot open the data in "${dataDir}": file is not a database; ` +
        `move "${path}" away or use another --data-dir`,
    ),
  );
  await Deno.remove(path);
  await (await open()).ping();
});

test("openSqlite() reads beside a server that is running", async ({ open }) => {
  const database = await open();
  await database.transaction("audit", (transaction) => insertAudit(transaction, "a"));
  const reader = await open({ use: "read" });
  assert.deepEqual(await reader.query("SELECT act FROM audit"), [{ act: "a" }]);
  await assert.rejects(reader.transaction("audit", () => Promise.resolve()), /opened to be read/);
});

test("openSqlite() keeps its file in a log that is emptied when it closes", async (store) => {
  const { dataDir, open } = store;
  const database = await open();
  await database.transaction("audit", (transaction) => insertAudit(transaction, "a"));
  assert.ok((await Deno.stat(`${dataDir}/hafl.db-wal`)).size > 0);
  await database.close();
  const names = [...Deno.readDirSync(dataDir)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["hafl.db", "hafl.db-lock"]);
});

test("openDatabase() reads nothing where there is nothing", async ({ dataDir, open }) => {
  await assert.rejects(
    open({ use: "read" }),
    /^UserError: Cannot open the data in ".*": unable to/,
  );
  new DatabaseSync(`${dataDir}/hafl.db`).close();
  await assert.rejects(
    open({ use: "read" }),
    new UserError(`Cannot open the data in "${dataDir}": it holds none`),
  );
  assert.deepEqual([...Deno.readDirSync(dataDir)].map(({ name }) => name), ["hafl.db"]);
});

test("openDatabase() makes the folder, for its owner only", async ({ dataDir }) => {
  const folder = `${dataDir}/new/data`;
  const database = await openDatabase({ dataDir: folder });
  await database.close();
  assert.equal((await Deno.stat(folder)).mode! & 0o777, 0o700);
});

test("openDatabase() names a folder that it cannot make or use", async ({ dataDir }) => {
  const file = `${dataDir}/file`;
  await Deno.writeTextFile(file, "");
  await assert.rejects(
    openDatabase({ dataDir: `${file}/data` }),
    /^UserError: Cannot make the folder ".*\/file\/data": .*; use another --data-dir$/,
  );
  await assert.rejects(
    openSqlite(`${dataDir}/missing/hafl.db`),
    /^UserError: Cannot open the data in ".*\/missing": .*; check that the folder exists and that/,
  );
});

test("openDatabase() needs leave to read and write the folder, and none else", async ({ dataDir }) => {
  const open = fileURLToPath(new URL("../../../server/store/open.ts", import.meta.url));
  const program = `
    const { openDatabase } = await import(${JSON.stringify(open)});
    const database = await openDatabase({ dataDir: ${JSON.stringify(dataDir)} });
    await database.transaction("audit", (tx) => tx.query("SELECT 1 AS one"));
    await database.close();
  `;
  const path = `${dataDir}/program.ts`;
  await Deno.writeTextFile(path, program);
  const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
  const run = async (...leave: string[]) => {
    const args = ["run", "--no-prompt", "--config", config, ...leave, path];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    return { code, errors: new TextDecoder().decode(stderr) };
  };
  const granted = await run(`--allow-read=${dataDir}`, `--allow-write=${dataDir}`);
  assert.equal(granted.code, 0, granted.errors);
  const refused = await run(`--allow-read=${dataDir}`);
  assert.match(refused.errors, /UserError: Cannot make the folder .*[Ww]rite access/);
});
