/**
 * Plays runs and compares what came out of them.
 *
 * @module
 */

import assert from "node:assert/strict";

import type { Outcome } from "./federation.ts";
import { faultName, parseFault } from "./fault.ts";
import { checkLedger } from "./ledger.ts";
import type { Scenario } from "./scenarios.ts";
import { type DataPlace, livesOf, liveThrough } from "./server_lives.ts";

/** Plays a run, by servers of which each dies of the next fault. */
export async function play(
  run: Scenario["play"],
  place: DataPlace,
  faults: readonly string[],
): Promise<Outcome> {
  const outcome = await playLives(run, place, faults);
  const { run: id, rounds } = outcome.status;
  await checkLedger(place, id, rounds, outcome.accepted);
  return outcome;
}

async function playLives(
  run: Scenario["play"],
  place: DataPlace,
  faults: readonly string[],
): Promise<Outcome> {
  await using server = liveThrough(place, livesOf(faults));
  const outcome = await run(server);
  await server.last;
  assert.deepEqual(server.deaths, faults.map((fault) => faultName(parseFault(fault))));
  return outcome;
}

/** @throws AssertionError unless two runs came to the same, but for their times. */
export function assertSameOutcome(actual: Outcome, expected: Outcome): void {
  assert.deepEqual(factsOf(actual), factsOf(expected));
  assert.deepEqual(actual.bank, expected.bank);
}

function factsOf({ status }: Outcome) {
  const { state, roundsDone, retries, published } = status;
  const rounds = published.map(({ openedAt: _, publishedAt: __, ...facts }) => facts);
  return { state, roundsDone, retries, rounds };
}
