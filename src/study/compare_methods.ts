import { compareAccuracies, compareCounts, type Comparison } from "./comparison.ts";
import { comparesAsRatio } from "./measures.ts";
import type { Metric } from "./study.ts";
import { readingsOf, type StudyResults } from "./study_results.ts";

/** Two methods by a metric in one cell: a difference of accuracies, or a ratio of what the target takes. */
export function compareMethods(
  results: StudyResults,
  cell: string,
  metric: Metric,
  method: string,
  than: string,
): Comparison {
  if (metric === "roundsToRivalsBest") return compareToRivalsBest(results, cell, method, than);
  const [one, other] = [method, than].map((name) => readingsOf(results, cell, name, metric));
  return comparesAsRatio(metric) ? compareCounts(one, other) : compareAccuracies(one, other);
}

/** Rounds to a target that is another one with every seed: the best validation accuracy that `than` reached with it. */
function compareToRivalsBest(
  results: StudyResults,
  cell: string,
  method: string,
  than: string,
): Comparison {
  const bests = readingsOf(results, cell, than, "best");
  const [one, other] = [method, than].map((name) =>
    readingsOf(results, cell, name, "roundsToTarget", (seed) => bests.get(seed)?.value)
  );
  return compareCounts(one, other);
}
