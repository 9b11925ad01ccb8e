/**
 * A cell as its tables and figures see it: which methods it shows, in what order, and by which metrics.
 *
 * @module
 */

import { mean } from "../../../study/statistics.ts";
import type { RunMetric } from "../../../study/study.ts";
import { methodsOf, readingsOf, type StudyResults } from "../../../study/study_results.ts";
import type { Look } from "./method_look.ts";

/** What the tables and figures of a cell are made of. */
export interface CellContext {
  readonly results: StudyResults;
  readonly cell: string;
  readonly looks: ReadonlyMap<string, Look>;
  /** The method the others are compared with. */
  readonly baseline: string;
}

/** The methods of a cell that have a finished run, the best first; by test accuracy where there is one. */
export function rankedMethods(context: CellContext): string[] {
  const { results, cell } = context;
  const metric = mainMetric(results, cell);
  return methodsOf(results.study, cell)
    .map((method) => ({ method, values: valuesOf(context, method, metric) }))
    .filter(({ values }) => values.length > 0)
    .map(({ method, values }) => ({ method, score: mean(values) }))
    .sort((one, other) => other.score - one.score)
    .map(({ method }) => method);
}

/** A metric of a method in the cell, a value a run that knows it. */
export function valuesOf(
  { results, cell }: CellContext,
  method: string,
  metric: RunMetric,
): number[] {
  return [...readingsOf(results, cell, method, metric).values()].map(({ value }) => value);
}

/** What methods of a cell are ranked by: test accuracy, or validation accuracy where the test rows were not evaluated. */
export function mainMetric({ runs }: StudyResults, cell: string): RunMetric {
  const tested = runs.some((run) => run.cell === cell && run.summary.test !== undefined);
  return tested ? "testAtFinal" : "final";
}

/** A metric that methods are compared with the baseline by, and its name in tables and figures. */
export interface ComparedMetric {
  readonly metric: RunMetric;
  readonly title: string;
}

/** The metrics that the comparison with the baseline shows. */
export function comparedMetrics({ results, cell }: CellContext): ComparedMetric[] {
  const tested = mainMetric(results, cell) === "testAtFinal";
  const targeted = results.study.targets[cell] !== undefined;
  return [
    tested
      ? { metric: "testAtFinal", title: "Test, last round" }
      : { metric: "final", title: "Validation, last round" },
    tested
      ? { metric: "testAtBest", title: "Test, best round" }
      : { metric: "best", title: "Validation, best round" },
    ...(targeted
      ? [
        { metric: "roundsToTarget", title: "Rounds to the target" } as const,
        { metric: "bytesToTarget", title: "Bytes up to the target" } as const,
      ]
      : []),
  ];
}
