import assert from "node:assert/strict";
import { createRun, runStatus } from "../../../server/runs/mod.ts";
import type { RanksPolicy } from "../../../src/protocol/manifest.ts";
import { tinyManifest } from "../tiny_run.ts";
import { serviceOn, stores } from "./support.ts";

for (const store of stores) {
  store.test("runStatus() tells what a run was made of, its ranks by tiers", async ({ open }) => {
    const service = serviceOn(await open());
    const factsOf = async (ranks: RanksPolicy) => {
      const run = await createRun(service, tinyManifest({ seats: 40, ranks }), "admin");
      return (await runStatus(service, run)).facts;
    };
    const dealt = Array.from({ length: 40 }, (_, client) => client < 30 ? 2 : 4);
    const fixed = await factsOf({ kind: "fixed", ranks: dealt });
    assert.equal(fixed.method, "freeze + adaptive");
    assert.equal(fixed.ranks, "fixed: 30 of rank 2, 10 of rank 4");
    assert.equal((await factsOf({ kind: "auto", tiers: [2, 4] })).ranks, "auto: 2, 4");
    assert.equal((await factsOf({ kind: "stated" })).ranks, "stated by the clients");
  });
}
