import assert from "node:assert/strict";
import { openDownload } from "../../../server/runs/mod.ts";
import type { Database } from "../../../server/store/database.ts";
import { wholeMessage } from "../../../src/protocol/messages/mod.ts";
import { tinyManifest } from "../tiny_run.ts";
import { joinedRun, serviceOn, stores } from "./support.ts";

const manifest = tinyManifest({ seats: 8 });

for (const store of stores) {
  store.test("openDownload() of a whole sample at once deals once", async ({ open }) => {
    const db = await open();
    const run = await joinedRun(serviceOn(db), manifest);
    // To deal, the ranks of all seats are read.
    let dealt = 0;
    const counting: Database = {
      ...db,
      query: (sql, parameters) => {
        if (/FROM seats WHERE run = \$1 ORDER BY client/.test(sql)) dealt++;
        return db.query(sql, parameters);
      },
    };
    const service = serviceOn(counting);
    const clients = [...Array(8).keys()];
    const download = (client: number) =>
      openDownload(service, run, { round: 0, attempt: 0, client });
    const messages = await Promise.all(clients.map(download));
    assert.equal(dealt, 1);
    assert.equal(new Set(messages.map((message) => wholeMessage(message).bytes.toHex())).size, 8);
  });

  store.test("openDownload() deals again after it failed", async ({ open }) => {
    const db = await open();
    const run = await joinedRun(serviceOn(db), manifest);
    let broken = true;
    const service = serviceOn({
      ...db,
      query: (sql, parameters) => {
        if (broken && /FROM seats WHERE run = \$1 ORDER BY client/.test(sql)) {
          throw new Error("the connection broke");
        }
        return db.query(sql, parameters);
      },
    });
    const download = () => openDownload(service, run, { round: 0, attempt: 0, client: 0 });
    await assert.rejects(download, /the connection broke/);
    broken = false;
    await download();
  });
}
