import type { ModelRow } from "../data/types.ts";

/** [labels]: how many rows have each. Rows of a language model have none. */
export function countLabels(rows: readonly ModelRow[], labels: number): number[] {
  const counts = new Array<number>(labels).fill(0);
  for (const row of rows) if ("label" in row) counts[row.label]++;
  return counts;
}
