/** What a crash leaves behind goes; what it takes comes back from a backup. */

import assert from "node:assert/strict";

import type { RunManifest } from "../../../src/protocol/mod.ts";
import { openDatabase } from "../../../server/store/open.ts";
import { postgresTest } from "../postgres.ts";
import { tinyManifest } from "../tiny_run.ts";
import { playDisaster, restoring } from "./disaster.ts";
import { faultName, parseFault } from "./fault.ts";
import type { Reach } from "./federation.ts";
import { checkLedger } from "./ledger.ts";
import { newDatabase, type NewPlace, withFolders } from "./places.ts";
import { assertSameOutcome, play } from "./play.ts";
import { around, playRun, wideManifest } from "./scenarios.ts";
import { type DataPlace, liveThrough } from "./server_lives.ts";

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
    ...around("sweep").map((fault) => ({ fault, ahead: 7 * hour })),
    {},
  ]);
  await server.last;
  assert.equal(await incompleteBlobs(place), 0);
}

Deno.test(
  "server on SQLite sweeps hours later what uploads left that a crash ended",
  () => withFolders(sweepsLater),
);

postgresTest(
  "server on PostgreSQL sweeps hours later what uploads left that a crash ended",
  () => sweepsLater(newDatabase),
);

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
