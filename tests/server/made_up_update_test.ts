/** What the made-up clients send is what a server takes. */

import assert from "node:assert/strict";
import {
  dealRound,
  decodeUpdate,
  encodeDownload,
  greedy,
  selectPerModule,
  updateNorm,
  validateUpdate,
} from "../../src/protocol/mod.ts";
import { makeUpdate } from "./made_up_update.ts";
import { tinyBank, tinyManifest } from "./tiny_run.ts";

const manifest = tinyManifest();
const bank = tinyBank(manifest);

for (const method of ["freeze", "truncate"] as const) {
  Deno.test(`makeUpdate() makes valid updates under ${method}, another for each client`, () => {
    const deals = dealRound({
      bank,
      participants: [{ client: 0, rank: 1 }, { client: 2, rank: 3 }],
      method,
      scope: selectPerModule,
      selector: greedy,
      warmupRounds: 1,
      round: 0,
      seed: manifest.seed,
    });
    const heads = deals.map((deal) => {
      const { bytes } = encodeDownload(bank, deal, { run: "r" });
      const made = makeUpdate(manifest, bytes);
      assert.deepEqual(makeUpdate(manifest, bytes), made, "the same for the same download");
      const { update } = decodeUpdate(made, manifest.layout);
      validateUpdate(bank, deal, update);
      const norm = updateNorm(bank, update);
      assert.ok(norm > 0 && norm < manifest.limits.maxNorm, String(norm));
      assert.notDeepEqual(update.head[0].data, bank.head[0].data);
      return update.head[0].data;
    });
    assert.notDeepEqual(heads[0], heads[1]);
  });
}
