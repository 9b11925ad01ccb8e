/** Transactions: all or nothing, one run at a time, told about. */

import assert from "node:assert/strict";

import { migrations } from "../../../server/store/migrations.ts";
import { countUp, insertAudit, insertRun, revisionOf } from "./rows.ts";
import type { StoreKind } from "./stores.ts";

const failure = new Error("a failure of the work");

async function actsOf(database: { query: <Row>(sql: string) => Promise<Row[]> }) {
  const rows = await database.query<{ act: string }>("SELECT act FROM audit ORDER BY id");
  return rows.map(({ act }) => act);
}

/** Defines the tests. */
export function testTransactions({ kind, test }: StoreKind): void {
  test("transaction() commits and gives the work's result", async ({ open }) => {
    const database = await open();
    const result = await database.transaction("audit", async (transaction) => {
      await insertAudit(transaction, "a");
      assert.deepEqual(await actsOf(transaction), ["a"], "it sees its own rows");
      assert.deepEqual(await actsOf(database), [], "nobody else does yet");
      return "done";
    });
    assert.equal(result, "done");
    assert.deepEqual(await actsOf(database), ["a"]);
    await database.close();
    assert.deepEqual(await actsOf(await open()), ["a"], "they outlast the connection");
  });

  test("transaction() changes nothing when the work throws", async ({ open }) => {
    const database = await open();
    const work = database.transaction("audit", async (transaction) => {
      await insertAudit(transaction, "a");
      throw failure;
    });
    await assert.rejects(work, (error) => error === failure);
    assert.deepEqual(await actsOf(database), []);
    await database.transaction("audit", (transaction) => insertAudit(transaction, "b"));
    assert.deepEqual(await actsOf(database), ["b"], "the next one works");
  });

  test("transaction() fails with a statement that failed, even when the work caught it", async ({ open }) => {
    const database = await open();
    await database.transaction("create-run", (transaction) => insertRun(transaction, "r"));
    const work = database.transaction("audit", async (transaction) => {
      await insertAudit(transaction, "a");
      await assert.rejects(insertRun(transaction, "r"));
      await assert.rejects(insertAudit(transaction, "b"));
    });
    await assert.rejects(work, /unique/i);
    assert.deepEqual(await actsOf(database), []);
  });

  test("transaction() lends its statements only while it lasts", async ({ open }) => {
    const database = await open();
    const query = await database.transaction("audit", ({ query }) => Promise.resolve(query));
    await assert.rejects(insertAudit({ query }, "late"), /its transaction has ended/);
    assert.deepEqual(await actsOf(database), []);
  });

  test("transaction() refuses to start inside another", async ({ open }) => {
    const database = await open();
    const nested = database.transaction("audit", async () => {
      await database.transaction("audit", (transaction) => insertAudit(transaction, "inner"));
    });
    await assert.rejects(nested, /inside another/);
    assert.deepEqual(await actsOf(database), []);
  });

  test("transaction() may start in what a past transaction set off", async ({ open }) => {
    const database = await open();
    let ended = () => {};
    const end = new Promise<void>((resolve) => ended = resolve);
    let later: Promise<number> | undefined;
    await database.transaction("audit", async (transaction) => {
      await insertAudit(transaction, "first");
      later = end.then(() =>
        database.transaction("audit", (transaction) => insertAudit(transaction, "second"))
      );
    });
    ended();
    await later;
    assert.deepEqual(await actsOf(database), ["first", "second"]);
  });

  test("query() only reads outside a transaction", async ({ open }) => {
    const database = await open();
    await assert.rejects(insertAudit(database, "a"), /read-?only/);
    assert.deepEqual(await actsOf(database), []);
  });

  test("lockRun() lets transactions of one run follow each other", async ({ open }) => {
    const databases = [await open()];
    // A replica, where there can be one.
    if (kind === "postgres") databases.push(await open());
    await databases[0].transaction("create-run", (transaction) => insertRun(transaction, "r"));
    const counts = Array.from(
      { length: 20 },
      (_, index) =>
        databases[index % databases.length].transaction("set-budget", async (transaction) => {
          await transaction.lockRun("r");
          await countUp(transaction, "r");
        }),
    );
    await Promise.all(counts);
    assert.equal(await revisionOf(databases[0], "r"), 20);
  });

  test("lockRun() takes a run that does not exist", async ({ open }) => {
    const database = await open();
    await database.transaction("create-run", async (transaction) => {
      await transaction.lockRun("r");
      await insertRun(transaction, "r");
    });
    assert.equal(await revisionOf(database, "r"), 0);
  });

  test("snapshot() sees one state whatever is committed meanwhile", async ({ open }) => {
    const database = await open();
    await database.transaction("audit", (transaction) => insertAudit(transaction, "a"));
    const acts = await database.snapshot(async (queries) => {
      await database.transaction("audit", (transaction) => insertAudit(transaction, "b"));
      return await actsOf(queries);
    });
    assert.deepEqual(acts, ["a"]);
    assert.deepEqual(await actsOf(database), ["a", "b"]);
  });

  test("snapshot() only reads", async ({ open }) => {
    const database = await open();
    const write = database.snapshot((queries) => insertAudit(queries, "a"));
    await assert.rejects(write, /read-?only/);
    assert.deepEqual(await actsOf(database), []);
  });

  test("onStep() is told around every commit", async ({ open }) => {
    const told: string[] = [];
    const database = await open({ onStep: (step, moment) => told.push(`${moment} ${step}`) });
    await database.transaction("create-run", (transaction) => insertRun(transaction, "r"));
    await assert.rejects(database.transaction("audit", () => Promise.reject(failure)));
    await database.transaction("audit", (transaction) => insertAudit(transaction, "a"));
    assert.deepEqual(told, [
      ...migrations.flatMap(() => ["before migrate", "after migrate"]),
      "before create-run",
      "after create-run",
      "before audit",
      "after audit",
    ]);
  });

  test("onStep() undoes the transaction when it throws before the commit, not after", async ({ open }) => {
    let fatal: string | undefined;
    const database = await open({
      onStep(_, moment) {
        if (moment === fatal) throw failure;
      },
    });
    for (fatal of ["before", "after"]) {
      const work = database.transaction(
        "audit",
        (transaction) => insertAudit(transaction, `${fatal}`),
      );
      await assert.rejects(work, (error) => error === failure);
    }
    assert.deepEqual(await actsOf(database), ["after"]);
  });

  test("close() waits for transactions in progress and refuses later ones", async ({ open }) => {
    const database = await open();
    const order: string[] = [];
    const work = database.transaction("audit", async (transaction) => {
      await insertAudit(transaction, "a");
      await transaction.query("SELECT 1 AS one");
    }).then(() => order.push("transaction"));
    const closing = database.close().then(() => order.push("close"));
    await Promise.all([work, closing]);
    assert.deepEqual(order, ["transaction", "close"]);
    await assert.rejects(database.query("SELECT 1 AS one"), /it is closed/);
    await assert.rejects(database.transaction("audit", () => Promise.resolve()), /it is closed/);
    await assert.rejects(database.ping(), /it is closed/);
  });

  test("ping() resolves while the database answers", async ({ open }) => {
    assert.equal(await (await open()).ping(), undefined);
  });

  test("the audit log is only added to", async ({ open }) => {
    const database = await open();
    const ids = await database.transaction("audit", async (transaction) => [
      await insertAudit(transaction, "a"),
      await insertAudit(transaction, "b"),
    ]);
    assert.ok(ids[0] < ids[1], "ids rise");
    const changes = ["UPDATE audit SET act = 'x'", "DELETE FROM audit WHERE act = 'a'"];
    if (kind === "postgres") changes.push("TRUNCATE audit");
    else changes.push("INSERT OR REPLACE INTO audit SELECT * FROM audit");
    for (const change of changes) {
      const work = database.transaction("audit", (transaction) => transaction.query(change));
      await assert.rejects(work, /rows of audit are never changed/, change);
    }
    assert.deepEqual(await actsOf(database), ["a", "b"]);
  });
}
