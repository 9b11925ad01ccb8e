import type { StudyRun } from "../../src/study/result.ts";
import type { Claim } from "../../src/study/study.ts";
import type { StudyResults } from "../../src/study/study_results.ts";
import { sampleStudy } from "./sample_study.ts";

/** Accuracies on the test rows by method, one a seed from 1 on; NaN where the seed's run failed. */
export type Scores = Readonly<Record<string, readonly number[]>>;

/** A study of cells with these scores; `rounds` gives the validation accuracy after each of a run's four rounds. */
export function scoredStudy(
  cells: Readonly<Record<string, Scores>>,
  claims: readonly Claim[],
  rounds?: (method: string, seed: number) => readonly number[],
): StudyResults {
  const settings = { settings: {}, peak: 0.5, pace: 4 };
  const [first] = Object.values(cells);
  const results = sampleStudy({
    rounds: 4,
    cells: Object.fromEntries(
      Object.keys(cells).map((cell) => [cell, { settings: {}, level: 1 }] as const),
    ),
    methods: Object.fromEntries(Object.keys(first).map((name) => [name, settings] as const)),
    grid: Object.entries(cells).flatMap(([cell, scores]) =>
      Object.entries(scores).map(([method, values]) => ({
        cells: [cell],
        methods: [method],
        seeds: values.map((_, index) => index + 1),
      }))
    ),
    study: { claims, targets: Object.fromEntries(Object.keys(cells).map((cell) => [cell, 0.5])) },
  });
  const scored = results.runs.map((run): StudyRun => {
    const accuracyAtFinal = cells[run.cell][run.method][run.seed - 1];
    const accuracies = rounds?.(run.method, run.seed) ?? run.rounds.map(({ accuracy }) => accuracy);
    const { summary } = run;
    return {
      ...run,
      summary: {
        ...summary,
        best: { ...summary.best, accuracy: Math.max(...accuracies) },
        test: { rows: 1, accuracyAtBest: 0, accuracyAtFinal },
      },
      rounds: run.rounds.map((round, index) => ({ ...round, accuracy: accuracies[index] })),
    };
  });
  const failed = scored.filter(({ cell, method, seed }) =>
    Number.isNaN(cells[cell][method][seed - 1])
  );
  return {
    ...results,
    runs: scored.filter((run) => !failed.includes(run)),
    failed: failed.map((run) => ({ ...run, failed: "It diverged" })),
  };
}
