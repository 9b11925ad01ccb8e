/**
 * A round's updates folded into the next bank, one at a time: the memory of one update, however many there are.
 *
 * @module
 */

import { aggregators } from "../../src/protocol/aggregate/mod.ts";
import type { AdapterBank } from "../../src/protocol/bank.ts";
import { decodeUpdate } from "../../src/protocol/messages/mod.ts";
import { readBlob } from "../store/blobs.ts";
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

/** Combines the accepted updates of an attempt that takes no more. */
export async function foldUpdates(
  service: Service,
  run: RunRow,
  { round, attempt }: AttemptRow,
): Promise<FoldedRound> {
  const { db } = service;
  const bank = await currentBank(service, run);
  const aggregation = aggregators[run.manifest.method.aggregation](bank);
  const selected = bank.modules.map(() => new Array<number>(bank.rank).fill(0));
  const rows = await db.query<{ client: number; blob: string }>(
    "SELECT client, blob FROM updates WHERE run = $1 AND round = $2 AND attempt = $3 " +
      "ORDER BY client",
    [run.id, round, attempt],
  );
  let samples = 0;
  for (const { blob } of rows) {
    const { update } = decodeUpdate(await readBlob(db, blob), bank);
    aggregation.add(update);
    samples += update.samples;
    update.indices.forEach((indices, m) => indices.forEach((i) => selected[m][i]++));
  }
  const contributors = rows.map(({ client }) => client);
  return { bank: aggregation.finish(), contributors, samples, selected };
}
