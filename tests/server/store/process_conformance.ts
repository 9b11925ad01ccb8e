/** What other processes, and their deaths, leave behind. */

import assert from "node:assert/strict";

import { startDoomed } from "./doomed_process.ts";
import type { StoreKind } from "./stores.ts";

/** Defines the tests. */
export function testProcesses({ kind, test }: StoreKind): void {
  for (const doom of ["before", "after"] as const) {
    test(`a process that dies right ${doom} a commit leaves ${doom === "after" ? "all" : "nothing"} of it`, async (store) => {
      await (await store.open()).close();
      const process = startDoomed(store, doom);
      const { signal } = await process.output();
      await process.stdin.abort().catch(() => {});
      assert.equal(signal, "SIGKILL");
      const database = await store.open();
      const rows = await database.query("SELECT act FROM audit");
      assert.deepEqual(rows, doom === "after" ? [{ act: "after" }] : []);
    });
  }

  test("exclusively() runs one work for a key at a time", async ({ open }) => {
    const database = await open();
    const ran: string[] = [];
    const note = (name: string) => () => Promise.resolve(void ran.push(name));
    const outer = await database.exclusively("k", async () => {
      ran.push("outer");
      assert.equal(await database.exclusively("k", note("inner")), false);
      assert.equal(await database.exclusively("other", note("other")), true);
    });
    assert.equal(outer, true);
    assert.equal(await database.exclusively("k", note("again")), true);
    assert.deepEqual(ran, ["outer", "other", "again"]);
  });

  test("exclusively() lets go when the work throws", async ({ open }) => {
    const database = await open();
    const failure = new Error("a failure of the work");
    const work = database.exclusively("k", () => Promise.reject(failure));
    await assert.rejects(work, (error) => error === failure);
    assert.equal(await database.exclusively("k", async () => {}), true);
  });

  test("exclusively() lets transactions of its work through", async ({ open }) => {
    const database = await open();
    await database.exclusively("k", async () => {
      await database.transaction("audit", (transaction) => transaction.query("SELECT 1 AS one"));
    });
  });

  test("a process that is killed lets go of what it holds", async (store) => {
    await using process = startDoomed(store, "holding");
    const output = process.stdout.getReader();
    assert.equal(new TextDecoder().decode((await output.read()).value), "holding");
    await output.cancel();
    // SQLite's whole folder is held, PostgreSQL's key alone.
    if (kind === "sqlite") {
      await assert.rejects(store.open(), /another server is using it/);
    } else {
      const replica = await store.open();
      assert.equal(await replica.exclusively("doom", () => assert.fail("it is held")), false);
      assert.equal(await replica.exclusively("other", async () => {}), true);
    }
    process.kill("SIGKILL");
    await process.status;
    await process.stdin.abort().catch(() => {});
    const database = await store.open();
    // PostgreSQL notices the end of a connection a moment later.
    while (!await database.exclusively("doom", async () => {}));
  });
}
