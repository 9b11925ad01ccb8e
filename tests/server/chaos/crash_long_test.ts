/** A server that is killed once, at any occurrence of any step of a run: each in a run of its own. */

import assert from "node:assert/strict";

import { type Step, steps } from "../../../server/store/steps.ts";
import type { RunManifest } from "../../../src/protocol/mod.ts";
import { postgresTest } from "../postgres.ts";
import { tinyManifest } from "../tiny_run.ts";
import type { Outcome, Reach } from "./federation.ts";
import { faultName } from "./fault.ts";
import { checkLedger } from "./ledger.ts";
import { newDatabase, type NewPlace, withFolders } from "./places.ts";
import { assertSameOutcome, play } from "./play.ts";
import { playRun, wideManifest } from "./scenarios.ts";
import { livesOf, liveThrough } from "./server_lives.ts";

const { method } = tinyManifest();

/** Runs of three rounds, which together pass through all that a run can. */
const manifests: readonly RunManifest[] = [
  tinyManifest(),
  { ...tinyManifest(), method: { ...method, rankBy: "client" } },
  { ...tinyManifest(), method: { ...method, method: "truncate", aggregation: "zero-pad" } },
  wideManifest(),
];

/** Runs at a time. */
const LANES = 4;

/** As often as the step is passed again on the way, there is another run; the first that ends without a crash is the last. */
async function killEveryTime(newPlace: NewPlace): Promise<void> {
  let crashes = 0;

  async function killAt(manifest: RunManifest, expected: Outcome, step: Step): Promise<void> {
    for (const moment of ["before", "after"] as const) {
      for (let nth = 1;; nth++) {
        const fault = faultName({ step, moment, nth });
        const died = await killOnce(manifest, expected, fault, newPlace).catch((error) => {
          throw new Error(`Killed at ${fault}`, { cause: error });
        });
        if (!died) break;
        crashes++;
      }
    }
  }

  for (const manifest of manifests) {
    const expected = await play((reach) => playRun(reach, manifest), await newPlace(), []);
    const left = [...steps];
    const lane = async () => {
      for (let step = left.shift(); step !== undefined; step = left.shift()) {
        await killAt(manifest, expected, step);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }
  assert.ok(crashes > 0);
  console.log(`${crashes} crashes, each in a run of its own`);
}

/** @returns whether the server came to its fault. */
async function killOnce(
  manifest: RunManifest,
  expected: Outcome,
  fault: string,
  newPlace: NewPlace,
): Promise<boolean> {
  const place = await newPlace();
  await using server = liveThrough(place, livesOf([fault]));
  const outcome = await playRun(server as Reach, manifest);
  await checkLedger(place, outcome.status.run, manifest.rounds, outcome.accepted);
  assertSameOutcome(outcome, expected);
  return server.deaths.length > 0;
}

Deno.test(
  "server on SQLite ends a run as if undisturbed wherever it is killed",
  () => withFolders(killEveryTime),
);

postgresTest(
  "server on PostgreSQL ends a run as if undisturbed wherever it is killed",
  () => killEveryTime(newDatabase),
);
