/** Servers that share one PostgreSQL database: a run outlives any of them. */

import assert from "node:assert/strict";

import type { RunManifest } from "../../../src/protocol/mod.ts";
import { postgresTest } from "../postgres.ts";
import { tinyManifest } from "../tiny_run.ts";
import type { Outcome, Reach } from "./federation.ts";
import { checkLedger } from "./ledger.ts";
import { newDatabase, withFolders } from "./places.ts";
import { assertSameOutcome, play } from "./play.ts";
import { playRun, wideManifest } from "./scenarios.ts";
import { type Life, livesOf, liveThrough, type ServerLives } from "./server_lives.ts";

/** Three servers by the names 0, 1 and 2; each client asks another one first. */
function reachOf(replicas: readonly ServerLives[]): Reach {
  const ask = (name: "fetch" | "persistentFetch"): Reach["fetch"] => (url, init) =>
    replicas[Number(url[0])][name](url.slice(1), init);
  const persistent = ask("persistentFetch");
  return {
    fetch: ask("fetch"),
    persistentFetch: (route, init) => persistent(`2${route}`, init),
    signal: AbortSignal.any(replicas.map(({ signal }) => signal)),
    servers: (client) => replicas.map((_, n) => String((client + n) % replicas.length)),
  };
}

/** Plays a run by three servers that live like this, and compares it with one by a server that nothing happens to. @returns what they died of. */
async function playReplicas(
  manifest: RunManifest,
  lives: readonly (readonly Life[])[],
): Promise<string[]> {
  const run = (reach: Reach): Promise<Outcome> => playRun(reach, manifest);
  let expected: Outcome;
  await withFolders(async (newFolder) => {
    expected = await play(run, await newFolder(), []);
  });
  const place = await newDatabase();
  await using stack = new AsyncDisposableStack();
  const replicas = lives.map((own) => stack.use(liveThrough(place, own)));
  const actual = await run(reachOf(replicas));
  await checkLedger(place, actual.status.run, manifest.rounds, actual.accepted);
  assertSameOutcome(actual, expected!);
  return replicas.flatMap(({ deaths }) => deaths);
}

for (const moment of ["before", "after"]) {
  postgresTest(
    `server that dies in mid-round ${moment} it accepts an update leaves the run to its replicas`,
    async () => {
      const fault = `accept-update:${moment}:2`;
      const deaths = await playReplicas(tinyManifest({ seats: 6 }), [[{ fault }], [{}], [{}]]);
      assert.deepEqual(deaths, [fault]);
    },
  );
}

for (const fault of ["close-round:after:1", "publish-round:before:1", "publish-round:after:1"]) {
  postgresTest(`replicas that die at ${fault} leave the round to each other`, async () => {
    // Whichever takes the round up dies; one that died comes back, for there may be none left.
    const deaths = await playReplicas(wideManifest(), Array(3).fill(livesOf([fault])));
    assert.ok(deaths.includes(fault));
    console.log(`${deaths.length} of 3 died`);
  });
}
