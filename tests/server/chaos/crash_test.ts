/** Servers that are killed before and after every durable step lose nothing and count nothing twice. */

import assert from "node:assert/strict";

import { steps } from "../../../server/store/steps.ts";
import { postgresTest } from "../postgres.ts";
import { restoring } from "./disaster.ts";
import { parseFault } from "./fault.ts";
import { newDatabase, type NewPlace, withFolders } from "./places.ts";
import { assertSameOutcome, play } from "./play.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

Deno.test("crash tests hit every step before and after its commit", () => {
  const hit = [...scenarios.flatMap(({ faults }) => faults), ...restoring].map(parseFault);
  for (const step of steps) {
    for (const moment of ["before", "after"]) {
      const found = hit.some((fault) => fault.step === step && fault.moment === moment);
      assert.ok(found, `${step}:${moment} is not hit`);
    }
  }
});

/** All scenarios at once, as servers that start are slow to fill two cores. */
async function playAll(newPlace: NewPlace): Promise<void> {
  const started = performance.now();
  const playBoth = async ({ play: run, faults }: Scenario) => {
    const expected = await play(run, await newPlace(), []);
    const actual = await play(run, await newPlace(), faults);
    assertSameOutcome(actual, expected);
  };
  const results = await Promise.allSettled(scenarios.map(playBoth));
  for (const result of results) if (result.status === "rejected") throw result.reason;
  const crashes = scenarios.reduce((sum, { faults }) => sum + faults.length, 0);
  const seconds = (performance.now() - started) / 1000;
  console.log(`${crashes} crashes in ${scenarios.length} runs: ${seconds.toFixed(1)} s`);
}

Deno.test(
  "server on SQLite ends runs as if undisturbed when it is killed at every step",
  () => withFolders(playAll),
);

postgresTest(
  "server on PostgreSQL ends runs as if undisturbed when it is killed at every step",
  () => playAll(newDatabase),
);
