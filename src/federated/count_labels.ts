import type { TokenizedSample } from "../data/types.ts";

/** [labels]: how many samples have each. */
export function countLabels(samples: readonly TokenizedSample[], labels: number): number[] {
  const counts = new Array<number>(labels).fill(0);
  for (const { label } of samples) counts[label]++;
  return counts;
}
