/** A server that is killed once, at any occurrence of any step of a run: each in a run of its own. */

import assert from "node:assert/strict";

import { type Step, steps } from "../../../server/store/steps.ts";
import type { RunManifest } from "../../../src/protocol/mod.ts";
import { postgresTest } from "../postgres.ts";
import { tinyManifest } from "../tiny_run.ts";
import type { Outcome } from "./federation.ts";
import { faultName } from "./fault.ts";
import { checkLedger } from "./ledger.ts";
import { newDatabase, type NewPlace, withFolders } from "./places.ts";
import { assertSameOutcome, play } from "./play.ts";
import { around, playRun, wideManifest } from "./scenarios.ts";
import { livesOf, liveThrough } from "./server_lives.ts";

const { method } = tinyManifest();

/** Steps of every run, but for those that the clock brings on. */
const common: readonly Step[] = [
  "migrate",
  "create-run",
  "attach-bank",
  "invite",
  "enrol",
  "set-budget",
  "take-download",
  "accept-update",
  "record-evaluation",
  "close-round",
  "publish-round",
  "sweep",
];

/** A run, and the steps that it passes beside the common ones. */
interface SweptRun {
  readonly manifest: RunManifest;
  readonly own: readonly Step[];
}

/** Runs of three rounds, which together pass through all that a run can. */
const runs: Readonly<Record<string, SweptRun>> = {
  "whose server ranks": { manifest: tinyManifest(), own: [] },
  "whose clients rank": {
    manifest: { ...tinyManifest(), method: { ...method, rankBy: "client" } },
    own: ["accept-choice"],
  },
  "that truncates": {
    manifest: {
      ...tinyManifest(),
      method: { ...method, method: "truncate", aggregation: "zero-pad" },
    },
    own: [],
  },
  "with updates of several chunks": { manifest: wideManifest(), own: ["store-chunk"] },
};

/** Runs at a time. */
const LANES = 4;

/** Steps that the clock brings on: how often depends on how long a run takes. */
const clockwork: ReadonlySet<Step> = new Set<Step>(["note-progress"]);

/** Kills a server at the first, the second, … occurrence of every step, until a run ends without a crash. */
async function killEverywhere({ manifest, own }: SweptRun, newPlace: NewPlace): Promise<void> {
  const started = performance.now();
  const expected = await play((reach) => playRun(reach, manifest), await newPlace(), []);
  let crashes = 0;
  const killers = new Set<string>();

  async function killAt(step: Step, moment: "before" | "after"): Promise<void> {
    for (let nth = 1; nth <= (clockwork.has(step) ? 2 : Infinity); nth++) {
      const fault = faultName({ step, moment, nth });
      const died = await killOnce(manifest, expected, fault, newPlace).catch((error) => {
        throw new Error(`Killed at ${fault}`, { cause: error });
      });
      if (!died) return;
      crashes++;
      if (!clockwork.has(step)) killers.add(`${step}:${moment}`);
    }
  }

  const left = [...steps];
  const lane = async () => {
    for (let step = left.shift(); step !== undefined; step = left.shift()) {
      await killAt(step, "before");
      await killAt(step, "after");
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  assert.deepEqual([...killers].sort(), around(...common, ...own).sort());
  const seconds = (performance.now() - started) / 1000;
  console.log(`${crashes} crashes, each in a run of its own: ${seconds.toFixed(0)} s`);
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
  const outcome = await playRun(server, manifest);
  await checkLedger(place, outcome.status.run, manifest.rounds, outcome.accepted);
  assertSameOutcome(outcome, expected);
  return server.deaths.length > 0;
}

for (const [which, run] of Object.entries(runs)) {
  Deno.test(
    `server on SQLite ends a run ${which} as if undisturbed wherever it is killed`,
    () => withFolders((newFolder) => killEverywhere(run, newFolder)),
  );

  postgresTest(
    `server on PostgreSQL ends a run ${which} as if undisturbed wherever it is killed`,
    () => killEverywhere(run, newDatabase),
  );
}
