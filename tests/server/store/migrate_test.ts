import assert from "node:assert/strict";
import { contentOf, fill } from "./filled.ts";
import { postgresStore, sqliteStore } from "./stores.ts";

for (const store of [sqliteStore, postgresStore]) {
  store.test("migrate() brings data of before the server's moments up to date", async ({ open }) => {
    const database = await open();
    await fill(database);
    const before = await contentOf(database);
    await database.transaction("migrate", async (transaction) => {
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
