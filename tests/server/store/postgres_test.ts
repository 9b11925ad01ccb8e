import assert from "node:assert/strict";

import type { Transaction } from "../../../server/store/database.ts";
import { latestSchema } from "../../../server/store/migrations.ts";
import { openPostgres } from "../../../server/store/postgres.ts";
import { testStore } from "./conformance.ts";
import { insertAudit, insertRun, revisionOf } from "./rows.ts";
import { postgresStore } from "./stores.ts";

testStore(postgresStore);

const { test } = postgresStore;

/** Fails the transaction as PostgreSQL would. */
const failWith = (transaction: Transaction, code: string) =>
  transaction.query(`DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''${code}''; END'`);

async function rejection(promise: Promise<unknown>): Promise<string> {
  return String(await promise.then(() => assert.fail("it resolved"), (error) => error));
}

test("transaction() runs again after a serialization failure", async ({ open }) => {
  const database = await open();
  let runs = 0;
  await database.transaction("audit", async (transaction) => {
    runs++;
    await insertAudit(transaction, `run ${runs}`);
    if (runs < 3) await failWith(transaction, "40001");
  });
  assert.deepEqual(await database.query("SELECT act FROM audit"), [{ act: "run 3" }]);
});

test("transaction() does not run again after another failure", async ({ open }) => {
  const database = await open();
  let runs = 0;
  const work = database.transaction("audit", async (transaction) => {
    runs++;
    await failWith(transaction, "P0001");
  });
  await assert.rejects(work, { code: "P0001" });
  assert.equal(runs, 1);
});

test("transaction() gives up on a failure that does not go away", async ({ open }) => {
  const database = await open();
  let runs = 0;
  const work = database.transaction("audit", async (transaction) => {
    runs++;
    await failWith(transaction, "40001");
  });
  await assert.rejects(work, { code: "40001" });
  assert.equal(runs, 10);
});

test("transaction() resolves a deadlock", async ({ open }) => {
  const database = await open();
  await database.transaction("create-run", async (transaction) => {
    await insertRun(transaction, "a");
    await insertRun(transaction, "b");
  });
  let meet = () => {};
  const met = new Promise<void>((resolve) => meet = resolve);
  let arrived = 0;
  let runs = 0;
  const lockBoth = (first: string, second: string) =>
    database.transaction("set-budget", async (transaction) => {
      runs++;
      await transaction.lockRun(first);
      if (++arrived === 2) meet();
      await met;
      await transaction.lockRun(second);
      await transaction.query("UPDATE runs SET revision = revision + 1");
    });
  await Promise.all([lockBoth("a", "b"), lockBoth("b", "a")]);
  assert.equal(await revisionOf(database, "a"), 2);
  assert.ok(runs > 2, "one of them ran again");
});

test("lockRun() lets others refer to the run", async ({ open }) => {
  const database = await open();
  await database.transaction("create-run", (transaction) => insertRun(transaction, "r"));
  await database.transaction("set-budget", async (transaction) => {
    await transaction.lockRun("r");
    const replica = await open();
    await replica.transaction("invite", (other) =>
      other.query(
        "INSERT INTO seats (run, client, role, state) VALUES ('r', 0, 'client', 'invited')",
      ));
  });
  assert.deepEqual(await database.query("SELECT client FROM seats"), [{ client: 0 }]);
});

test("servers that start at the same time make the tables once", async ({ open }) => {
  // A table that is made again is an error.
  const databases = await Promise.all(Array.from({ length: 4 }, () => open()));
  for (const database of databases) await database.query("SELECT id FROM runs");
  assert.deepEqual(await databases[0].query("SELECT value FROM meta"), [{
    value: `${latestSchema}`,
  }]);
});

test("openPostgres() refuses the data of a newer version", async ({ open }) => {
  const database = await open();
  await database.transaction(
    "migrate",
    (transaction) => transaction.query("UPDATE meta SET value = '77' WHERE key = 'schema'"),
  );
  assert.match(
    await rejection(open()),
    /^UserError: Cannot open the data in "postgres:.*": it was written by a newer version \(schema 77/,
  );
});

test("openPostgres() reads nothing where there is nothing", async ({ open }) => {
  assert.match(await rejection(open({ use: "read" })), /^UserError: .*: it holds none$/);
});

test("openPostgres() tells what is wrong, without the password", async ({ url }) => {
  const name = new URL(url!).pathname.slice(1);
  const cases: [string, RegExp][] = [
    [url!.replace(":secret@", ":secret2@"), /: wrong user or password$/],
    [url!.replace(`/${name}`, "/nowhere"), /: there is no such database; make it with createdb$/],
    [url!.replace(/:\d+\//, ":1/"), /: nothing answers there; check that PostgreSQL runs/],
  ];
  for (const [address, why] of cases) {
    const message = await rejection(openPostgres(address));
    assert.match(message, /^UserError: Cannot reach the database "postgres:\/\/hafl@127\.0\.0\.1:/);
    assert.match(message, why);
    assert.doesNotMatch(message, /secret/);
  }
});
