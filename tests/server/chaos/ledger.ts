/**
 * What must be true of the database whatever its servers died of: what clients were told of counts, once, and nothing else does.
 *
 * @module
 */

import assert from "node:assert/strict";

import type { RoundStatus } from "../../../src/protocol/mod.ts";
import type { Queries } from "../../../server/store/database.ts";
import { openDatabase } from "../../../server/store/open.ts";
import type { Delivery } from "../made_up_client.ts";
import type { DataPlace } from "./server_lives.ts";

interface StoredUpdate {
  readonly update_id: string;
  readonly round: number;
  readonly attempt: number;
  readonly client: number;
}

/** Checks a finished run of a database that a server may be using. */
export async function checkLedger(
  place: DataPlace,
  run: string,
  rounds: number,
  accepted: readonly Delivery[],
): Promise<void> {
  const database = await openDatabase({ ...place, use: "read" });
  try {
    await database.snapshot(async (queries) => {
      await checkRounds(queries, run, rounds, accepted);
      await checkBlobs(queries);
    });
  } finally {
    await database.close();
  }
}

async function checkRounds(
  queries: Queries,
  run: string,
  rounds: number,
  accepted: readonly Delivery[],
): Promise<void> {
  const [row] = await queries.query("SELECT state, rounds_done FROM runs WHERE id = $1", [run]);
  assert.deepEqual(row, { state: "finished", rounds_done: rounds });
  const banks = await queries.query<{ record: string }>(
    "SELECT record FROM banks WHERE run = $1 ORDER BY rounds",
    [run],
  );
  const records: RoundStatus[] = banks.map(({ record }) => JSON.parse(record));
  assert.equal(records.length, rounds + 1, "a bank for each round");
  const published = await queries.query<{ round: number; attempt: number; sampled: string }>(
    "SELECT round, attempt, sampled FROM rounds " +
      "WHERE run = $1 AND state = 'published' ORDER BY round",
    [run],
  );
  assert.deepEqual(published.map(({ round }) => round), [...Array(rounds).keys()]);
  const updates = await queries.query<StoredUpdate>(
    "SELECT update_id, round, attempt, client FROM updates WHERE run = $1 ORDER BY round, client",
    [run],
  );
  for (const { round, attempt, sampled } of published) {
    const stored = updates.filter((update) => update.round === round && update.attempt === attempt);
    const told = accepted.filter((update) => update.round === round && update.attempt === attempt);
    const { contributors, attempts } = records[round + 1];
    assert.equal(attempts, attempt + 1);
    assert.deepEqual(contributors, JSON.parse(sampled), "everyone who was sampled contributed");
    assert.deepEqual(stored.map(({ client }) => client), contributors, "each counts once");
    assert.deepEqual(
      told.map(({ update }) => update).sort(),
      stored.map(({ update_id }) => update_id).sort(),
      "what clients were told of is what counts",
    );
  }
}

/** A complete blob that nothing refers to would stay for ever, and so would the updates of rounds that are over. */
async function checkBlobs(queries: Queries): Promise<void> {
  const referred = ["banks", "models", "updates"]
    .map((table) => `SELECT blob FROM ${table} WHERE blob IS NOT NULL`).join(" UNION ");
  const lost = await queries.query(
    `SELECT id FROM blobs WHERE complete = 1 AND id NOT IN (${referred})`,
  );
  assert.deepEqual(lost, [], "no blob is lost");
  assert.deepEqual(
    await queries.query("SELECT update_id FROM updates WHERE blob IS NOT NULL"),
    [],
    "no update is kept once its round is over",
  );
}
