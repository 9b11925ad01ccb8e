/**
 * Bytes of a round's messages, over all its attempts: what was sent in an attempt that was missed was sent all the same.
 *
 * @module
 */

import type { MessageSizes } from "../../src/protocol/messages/mod.ts";
import { addBytes, NO_BYTES } from "../../src/protocol/records.ts";
import type { ClientUpdate } from "../../src/protocol/update.ts";
import type { Queries } from "../store/database.ts";

/** Where the bytes of an encoded update go. */
export function updateSizes({ a, b, head }: ClientUpdate, total: number): MessageSizes {
  const lora = [...(a ?? []), ...b].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const ofHead = head.reduce((sum, { data }) => sum + data.byteLength, 0);
  return { lora, head: ofHead, overhead: total - lora - ofHead, total };
}

/** Accepted updates and choices of a round. */
export async function upBytes(
  queries: Queries,
  run: string,
  round: number,
): Promise<MessageSizes> {
  const choices = await queries.query<{ bytes: number }>(
    "SELECT length(body) AS bytes FROM choices WHERE run = $1 AND round = $2",
    [run, round],
  );
  const overhead = choices.reduce((sum, { bytes }) => sum + bytes, 0);
  const updates = await sumSizes(queries, "updates", run, round);
  return addBytes(updates, { ...NO_BYTES, overhead, total: overhead });
}

/** Downloads of a round, one of each client in each attempt. */
export function downBytes(queries: Queries, run: string, round: number): Promise<MessageSizes> {
  return sumSizes(queries, "downloads", run, round);
}

async function sumSizes(
  queries: Queries,
  table: "updates" | "downloads",
  run: string,
  round: number,
): Promise<MessageSizes> {
  const rows = await queries.query<{ sizes: string }>(
    `SELECT sizes FROM ${table} WHERE run = $1 AND round = $2`,
    [run, round],
  );
  return rows.map(({ sizes }) => JSON.parse(sizes) as MessageSizes).reduce(addBytes, NO_BYTES);
}
