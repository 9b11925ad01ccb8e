/** What the length of a row leaves out of conversations. @module */

import type { ModelRow } from "../data/types.ts";
import type { RunConfig } from "../federated/run_config.ts";
import { counted, countText } from "./units.ts";

/**
 * Says how many conversations have no reply within a row, as these are not learned from; undefined where all have one, and of other tasks.
 *
 * @param conversations how many there are
 * @param rows what they came to: one document each
 */
export function leftOutNote(
  { task, seqLen }: Pick<RunConfig, "task" | "seqLen">,
  conversations: number,
  rows: readonly ModelRow[],
): string | undefined {
  if (task !== "chat") return undefined;
  const documents = rows.reduce(
    (sum, row) => sum + ("documents" in row ? new Set(row.documents).size : 0),
    0,
  );
  const left = conversations - documents;
  if (left === 0) return undefined;
  return `${countText(left)} of ${
    counted(conversations, "conversation")
  } to train on left out: no reply within ${counted(seqLen, "token")} (--seq-len)`;
}
