import assert from "node:assert/strict";
import type { Database, Transaction } from "../../../server/store/database.ts";
import { dialects, migrations } from "../../../server/store/migrations.ts";
import { contentOf, fill } from "./filled.ts";
import { postgresStore, sqliteStore } from "./stores.ts";

/** Takes back the change to schema 3: the table of scores is as it was first made. */
async function takeBackEvaluations(
  transaction: Transaction,
  kind: Database["kind"],
): Promise<void> {
  const first = migrations[0](dialects[kind]);
  await transaction.query("ALTER TABLE evaluations RENAME TO later");
  await transaction.query(first.find((change) => change.includes("CREATE TABLE evaluations"))!);
  await transaction.query(
    "INSERT INTO evaluations (run, rounds, client, role, rows, correct, loss) " +
      "SELECT run, rounds, client, role, count, correct, loss FROM later",
  );
  await transaction.query("DROP TABLE later");
  await transaction.query("UPDATE meta SET value = '2' WHERE key = 'schema'");
}

for (const store of [sqliteStore, postgresStore]) {
  store.test("migrate() brings scores of before language models up to date, and takes theirs", async ({ open }) => {
    const database = await open();
    await fill(database);
    const before = await contentOf(database);
    await database.transaction("migrate", (one) => takeBackEvaluations(one, database.kind));
    await database.close();
    const updated = await open();
    assert.deepEqual(await contentOf(updated), before);
    const insert = () =>
      updated.transaction("record-evaluation", (transaction) =>
        transaction.query(
          "INSERT INTO evaluations (run, rounds, client, role, count, correct, loss) " +
            "VALUES ('r1', 0, 4, 'client', 60, NULL, 180.5)",
        ));
    await insert();
    await assert.rejects(insert(), "one score of a client and a bank");
  });

  store.test("migrate() brings data of before the server's moments up to date", async ({ open }) => {
    const database = await open();
    await fill(database);
    const before = await contentOf(database);
    await database.transaction("migrate", async (transaction) => {
      await takeBackEvaluations(transaction, database.kind);
      await transaction.query("DROP INDEX banks_moments");
      await transaction.query("ALTER TABLE banks DROP COLUMN moments");
      await transaction.query("UPDATE meta SET value = '1' WHERE key = 'schema'");
    });
    await database.close();
    const updated = await open();
    assert.deepEqual(await contentOf(updated), before);
    const [bank] = await updated.query("SELECT moments FROM banks");
    assert.equal(bank.moments, null);
    // A blob of moments may go; the bank's row stays.
    await updated.transaction("sweep", async (transaction) => {
      await transaction.query("UPDATE banks SET moments = blob");
      await transaction.query("DELETE FROM models");
      await transaction.query("DELETE FROM blobs WHERE complete = 1");
    });
    const [left] = await updated.query("SELECT moments, blob FROM banks");
    assert.deepEqual({ ...left }, { moments: null, blob: null });
  });
}
