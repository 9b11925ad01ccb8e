import assert from "node:assert/strict";
import { auditLog, type Refusal, reject, runStatus } from "../../../server/runs/mod.ts";
import { tinyManifest } from "../tiny_run.ts";
import { serviceOn, startRun, stores } from "./support.ts";

const manifest = tinyManifest();

for (const store of stores) {
  store.test("reject() counts a flood, and writes down a part of it that stays small", async ({ open }) => {
    const service = serviceOn(await open());
    const { run } = await startRun(service, manifest);
    const refusal: Refusal = { client: 1, round: 0, reason: "norm", detail: "too far" };
    // As after many; the next one is the thousandth of client 1.
    await service.db.transaction("reject", async (transaction) => {
      await transaction.query(
        "INSERT INTO reject_counts (run, client, reason, count) VALUES ($1, 1, 'malformed', 999)",
        [run],
      );
    });
    const { revision } = await runStatus(service, run);
    await reject(service, run, refusal);
    const audited = await auditLog(service, 1000);
    for (let sent = 0; sent < 99; sent++) await reject(service, run, refusal);
    assert.equal((await runStatus(service, run)).rejects.length, 1);
    assert.equal((await auditLog(service, 1000)).length, audited.length);
    // Another client's are its own.
    await reject(service, run, { ...refusal, client: 2 });
    assert.equal((await runStatus(service, run)).rejects.length, 2);
    await reject(service, run, refusal);
    const status = await runStatus(service, run);
    assert.equal(status.rejects.length, 3, "the 1100th");
    assert.deepEqual(status.rejectCounts, { malformed: 999, norm: 102 });
    assert.equal(status.revision, revision + 102, "whoever follows the run sees the count");
  });
}
