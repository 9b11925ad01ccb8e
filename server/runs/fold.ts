/**
 * A round's updates folded into the next bank, one at a time: the memory of one update, however many there are.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";

import { loadAggregator } from "../../src/protocol/aggregate/load_aggregator.ts";
import type { AdapterBank } from "../../src/protocol/bank.ts";
import { decodeUpdate, MessageError } from "../../src/protocol/messages/mod.ts";
import { SafetensorsError } from "../../src/protocol/safetensors.ts";
import { withServerOptimizer } from "../../src/protocol/server_optimizer.ts";
import type { ClientUpdate } from "../../src/protocol/update.ts";
import { DamagedBlobError, readBlob } from "../store/blobs.ts";
import type { Queries } from "../store/database.ts";
import { currentBank } from "./banks.ts";
import type { AttemptRow, RunRow } from "./rows.ts";
import type { Service } from "./service.ts";

/** The bank after a round, and what went into it. */
export interface FoldedRound {
  readonly bank: AdapterBank;
  /** Clients whose update is in it, ascending. */
  readonly contributors: readonly number[];
  /** Σ n_k of them. */
  readonly samples: number;
  /** [modules][r]: how many of them trained each component. */
  readonly selected: readonly (readonly number[])[];
}

/** An accepted update that is not in the database as it was accepted. */
export interface DamagedUpdate {
  readonly client: number;
  /** In a sentence. */
  readonly damage: string;
}

/** Combines the accepted updates of an attempt that takes no more; or tells of the first that cannot be read. */
export async function foldUpdates(
  service: Service,
  run: RunRow,
  { round, attempt }: AttemptRow,
): Promise<FoldedRound | DamagedUpdate> {
  const { db } = service;
  const bank = await currentBank(service, run);
  const { aggregation: rule, serverOptimizer } = run.manifest.method;
  const aggregator = withServerOptimizer(await loadAggregator(rule), serverOptimizer);
  const aggregation = aggregator(bank);
  const selected = bank.modules.map(() => new Array<number>(bank.rank).fill(0));
  const rows = await db.query<{ client: number; blob: string | null }>(
    "SELECT client, blob FROM updates WHERE run = $1 AND round = $2 AND attempt = $3 " +
      "ORDER BY client",
    [run.id, round, attempt],
  );
  let samples = 0;
  for (const { client, blob } of rows) {
    // SQLite answers at once, so no other await of this loop lets requests be served.
    await setImmediate();
    const update = await readUpdate(db, blob, bank);
    if (typeof update === "string") return { client, damage: update };
    aggregation.add(update);
    samples += update.samples;
    update.indices.forEach((indices, m) => indices.forEach((i) => selected[m][i]++));
  }
  const contributors = rows.map(({ client }) => client);
  return { bank: aggregation.finish(), contributors, samples, selected };
}

/** @returns the update, or what is wrong with it; a database that does not answer is an error. */
async function readUpdate(
  queries: Queries,
  blob: string | null,
  bank: AdapterBank,
): Promise<ClientUpdate | string> {
  if (blob === null) return "its body is gone";
  try {
    return decodeUpdate(await readBlob(queries, blob), bank).update;
  } catch (error) {
    const damaged = [DamagedBlobError, SafetensorsError, MessageError]
      .some((kind) => error instanceof kind);
    if (damaged) return (error as Error).message;
    throw error;
  }
}
