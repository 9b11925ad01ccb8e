/** What a crash leaves behind goes; what it takes comes back from a backup. */

import assert from "node:assert/strict";

import type { RunManifest, RunStatus } from "../../../src/protocol/mod.ts";
import { openDatabase } from "../../../server/store/open.ts";
import { postgresTest } from "../postgres.ts";
import { tinyManifest } from "../tiny_run.ts";
import { playDisaster, restoring } from "./disaster.ts";
import { faultName, parseFault } from "./fault.ts";
import { openFederation, type Outcome, outcomeOf, type Reach, trainAll } from "./federation.ts";
import { checkLedger } from "./ledger.ts";
import { newDatabase, type NewPlace, withFolders } from "./places.ts";
import { assertSameOutcome, play } from "./play.ts";
import { around, playRun, wideManifest } from "./scenarios.ts";
import { type DataPlace, liveThrough } from "./server_lives.ts";
import { untilStatus } from "./until_status.ts";

const runOf = (manifest: RunManifest) => (reach: Reach) => playRun(reach, manifest);
const hour = 3600_000;

async function incompleteBlobs(place: DataPlace): Promise<number> {
  const database = await openDatabase({ ...place, use: "read" });
  const rows = await database.query("SELECT id FROM blobs WHERE complete = 0");
  await database.close();
  return rows.length;
}

async function sweepsLater(newPlace: NewPlace): Promise<void> {
  const place = await newPlace();
  const wide = runOf({ ...wideManifest(), rounds: 1 });
  await play(wide, place, ["store-chunk:after", "store-chunk:after"]);
  assert.equal(await incompleteBlobs(place), 2);
  await using server = liveThrough(place, [
    ...around("sweep").map((fault) => ({ fault, ahead: 25 * hour })),
    {},
  ]);
  await server.last;
  assert.equal(await incompleteBlobs(place), 0);
}

Deno.test(
  "server on SQLite sweeps a day later what uploads left that a crash ended",
  () => withFolders(sweepsLater),
);

postgresTest(
  "server on PostgreSQL sweeps a day later what uploads left that a crash ended",
  () => sweepsLater(newDatabase),
);

/** Two of three updates are there when the server dies; when it is back the deadline has passed. */
async function comesBackLate(newPlace: NewPlace, quorum: number): Promise<Outcome> {
  const { participation, ...rest } = tinyManifest();
  // Clients whose clocks are right must still be let in.
  const manifest = { ...rest, participation: { ...participation, quorum, deadlineSeconds: 200 } };
  await using server = liveThrough(await newPlace(), [
    { fault: "accept-update:after:2" },
    { ahead: 250_000 },
  ]);
  const federation = await openFederation(server, manifest);
  const [late, ...early] = federation.members;
  const trained = trainAll(early);
  await untilStatus(
    server,
    federation,
    ({ current }) => current!.round > 0 || current!.attempt > 0,
  );
  const accepted = await Promise.all([trained, trainAll([late])]);
  return await outcomeOf(federation, accepted.flat());
}

for (const [name, newPlace] of [["SQLite", undefined], ["PostgreSQL", newDatabase]] as const) {
  const define = newPlace ? postgresTest : Deno.test;
  const at = async (quorum: number): Promise<RunStatus> => {
    let outcome: Outcome;
    await withFolders(async (newFolder) => {
      outcome = await comesBackLate(newPlace ?? newFolder, quorum);
    });
    return outcome!.status;
  };

  define(`server on ${name} closes a round whose deadline passed while it was down`, async () => {
    const { state, retries, published } = await at(2);
    assert.deepEqual([state, retries], ["finished", 0]);
    assert.deepEqual(published.map(({ contributors }) => contributors), [
      [],
      [1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  define(`server on ${name} retries a round that missed its quorum while it was down`, async () => {
    const { state, retries, published } = await at(3);
    assert.deepEqual([state, retries], ["finished", 1]);
    assert.deepEqual(published.map(({ attempts }) => attempts), [0, 2, 1, 1]);
    assert.deepEqual(published[1].contributors, [0, 1, 2]);
  });
}

async function moves(newFolder: NewPlace, lost: DataPlace, next: DataPlace): Promise<void> {
  const manifest = tinyManifest();
  const expected = await play(runOf(manifest), await newFolder(), []);
  const file = `${(await newFolder()).dataDir}/backup`;
  const { deaths, ...actual } = await playDisaster({ manifest, lost, next, file });
  assert.deepEqual(deaths, restoring.map((fault) => faultName(parseFault(fault))));
  await checkLedger(next, actual.status.run, manifest.rounds, actual.accepted);
  assertSameOutcome(actual, expected);
}

postgresTest(
  "server goes on in mid-round from a backup restored to another kind of database, killed while it restores",
  () =>
    withFolders(async (newFolder) => {
      await moves(newFolder, await newFolder(), await newDatabase());
      await moves(newFolder, await newDatabase(), await newFolder());
    }),
);

Deno.test(
  "server on SQLite goes on in mid-round from a restored backup, killed while it restores",
  () =>
    withFolders(async (newFolder) => {
      await moves(newFolder, await newFolder(), await newFolder());
    }),
);
