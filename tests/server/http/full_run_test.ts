import assert from "node:assert/strict";
import type { RunManifest } from "../../../src/protocol/mod.ts";
import { joinRun, runMadeUpClient } from "../made_up_client.ts";
import { adminRequest, createTinyRun, tinyLanguageManifest, tinyManifest } from "../tiny_run.ts";
import { metricOf, withApp } from "./support.ts";
import { turn } from "./fake_clock.ts";

const base = tinyManifest();
const { method } = base;

const manifests: Readonly<Record<string, RunManifest>> = {
  "HAFL": base,
  "training B alone": { ...base, method: { ...method, factors: "b" } },
  "training the head alone": { ...base, method: { ...method, method: "head" } },
  "a language model": tinyLanguageManifest(),
};

for (const [name, manifest] of Object.entries(manifests)) {
  Deno.test(`createApp() carries a run of ${name} from its creation to its end`, () =>
    withApp(async (test) => {
      const { admin, fetch, clock } = test;
      const { run, invitations } = await createTinyRun(admin, manifest);
      const members = [];
      for (const invitation of invitations) {
        members.push(
          await joinRun({
            ...invitation,
            run,
            servers: [""],
            fetch,
            connection: { now: clock.now, sleep: turn },
          }),
        );
      }
      let over = false;
      const ticking = (async () => {
        while (!over) {
          await turn();
          if (test.ticks() > 0) await test.tick();
        }
      })();
      const ends = await Promise.all(
        members.map((member) => runMadeUpClient(member, { evaluate: true })),
      );
      over = true;
      await ticking;
      assert.deepEqual(ends.map(({ kind, rounds }) => [kind, rounds]), [
        ["finished", 3],
        ["finished", 3],
        ["finished", 3],
      ]);
      const status = await (await adminRequest(admin, `/v1/runs/${run}`)).json();
      assert.equal(status.state, "finished");
      assert.equal(status.published.length, 4);
      for (const { heldOut } of status.published) {
        assert.equal(heldOut.parties, 3);
        assert.ok(manifest.task ? heldOut.perplexity > 1 : heldOut.accuracy > 0);
        assert.equal("accuracy" in heldOut, manifest.task === undefined);
      }
      assert.equal(await metricOf(test, "hafl_updates_accepted_total"), 9);
      assert.equal(await metricOf(test, "hafl_rounds_published_total"), 3);
      assert.deepEqual(test.lines.filter(({ level }) => level === "error"), []);
      assert.equal(test.watch.waiting, 0);
    }));
}
