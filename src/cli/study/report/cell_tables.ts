/**
 * The tables of a cell.
 *
 * @module
 */

import type { RunConfig } from "../../../federated/run_config.ts";
import { compareMethods } from "../../../study/compare_methods.ts";
import { comparisonText } from "../../../study/effect_text.ts";
import { lateLoss, tierDrops } from "../../../study/measures.ts";
import type { StudyRun } from "../../../study/result.ts";
import { mean } from "../../../study/statistics.ts";
import type { RunMetric } from "../../../study/study.ts";
import { failuresOf, readingsOf, runsOf, seedsOf } from "../../../study/study_results.ts";
import { bytesText, percentText } from "../../units.ts";
import {
  type CellContext,
  comparedMetrics,
  mainMetric,
  rankedMethods,
  valuesOf,
} from "./cell_context.ts";
import type { Table, TableRow } from "./document.ts";
import { accuracyText, lostText, nothing, referenceText, targetText } from "./number_text.ts";

/** Accuracies of every method, the scores from elsewhere among them. */
export function accuracyTable(context: CellContext): Table {
  const { results, cell } = context;
  const { references } = results.study;
  const metric = mainMetric(results, cell);
  const rows = rankedMethods(context).map((method) => {
    const runs = runsOf(results, cell, method);
    const values = (of: RunMetric): string => accuracyText(valuesOf(context, method, of));
    return {
      score: mean(valuesOf(context, method, metric)),
      row: methodRow(context, method, [
        seedCountText(context, method),
        values("testAtFinal"),
        values("testAtBest"),
        values("final"),
        values("best"),
        lostText(runs.map(lateLoss)),
        values("worstClient"),
      ]),
    };
  });
  const scored = (references[cell] ?? []).map(({ name, accuracy }) => ({
    score: accuracy,
    row: {
      cells: [name, nothing, referenceText(accuracy), ...Array(5).fill(nothing)],
      mark: "reference",
    } as TableRow,
  }));
  return {
    kind: "table",
    title: "Accuracy",
    about: "In %, mean ± standard deviation over seeds. Worst client: the lowest accuracy that " +
      "any client sees after the last round, on the validation rows weighted by its own labels." +
      (scored.length > 0 ? " In italics: scores from elsewhere, on the test rows." : ""),
    texts: 1,
    head: [
      "Method",
      "Seeds",
      "Test, last round",
      "Test, best round",
      "Validation, last",
      "Validation, best",
      "Lost since the best",
      "Worst client",
    ],
    rows: [...rows, ...scored].sort((one, other) => other.score - one.score)
      .map(({ row }) => row),
  };
}

/** What every method costs: budget, bytes, and what it takes to the target. */
export function costTable(context: CellContext): Table {
  const { results, cell, baseline } = context;
  const target = results.study.targets[cell];
  const compared = runsOf(results, cell, baseline);
  const rows = rankedMethods(context).map((method) => {
    const runs = runsOf(results, cell, method);
    const readings = (metric: RunMetric) => [...readingsOf(results, cell, method, metric).values()];
    const bytes = (kind: "lora" | "head" | "total"): number => meanUp(runs, kind);
    return methodRow(context, method, [
      ranksText(runs[0].config),
      `${distinct(runs, ({ lr }) => lr)} / ${distinct(runs, ({ headLr }) => headLr)}`,
      bytesText(bytes("lora")),
      ...(compared.length > 0 ? [shareText(bytes("lora"), meanUp(compared, "lora"))] : []),
      bytesText(bytes("head")),
      bytesText(bytes("total")),
      bytesText(mean(runs.map(({ summary }) => summary.downBytes.total))),
      percentText(mean(runs.map(({ summary }) => summary.trainedShare)), 0),
      ...(target === undefined ? [] : [
        targetText(readings("roundsToTarget"), (value) => String(value)),
        targetText(readings("bytesToTarget"), bytesText),
      ]),
    ]);
  });
  return {
    kind: "table",
    title: target === undefined ? "Cost" : `Cost, and what ${percentText(target)} takes`,
    about: "Bytes of all clients together in a run, to the server and from it, mean over seeds; " +
      "in all is with the messages' overhead. Rates are learning rates, of the adapter and of the head." +
      (target === undefined
        ? ""
        : ` To ${percentText(target)} of the validation rows: the median over seeds, and how ` +
          "many of them get there."),
    texts: 2,
    head: [
      "Method",
      "Ranks",
      "Rate / head's",
      "LoRA up",
      ...(compared.length > 0 ? [`Of ${baseline}'s`] : []),
      "Head up",
      "In all up",
      "In all down",
      "Components trained",
      ...(target === undefined ? [] : ["Rounds to it", "Bytes up to it"]),
    ],
    rows,
  };
}

/** Every method against the baseline over their common seeds. */
export function differenceTable(context: CellContext): Table {
  const { results, cell, baseline } = context;
  const metrics = comparedMetrics(context);
  const rows = rankedMethods(context).filter((method) => method !== baseline).map((method) => {
    const comparisons = metrics.map(({ metric }) =>
      compareMethods(results, cell, metric, method, baseline)
    );
    const seeds = comparisons[0].pairs.length;
    return methodRow(context, method, [
      String(seeds),
      // Of some seeds a ratio is not known, as neither run reached the target.
      ...comparisons.map((comparison) =>
        comparisonText(comparison) +
        ([0, seeds].includes(comparison.pairs.length) ? "" : ` (n = ${comparison.pairs.length})`)
      ),
    ]);
  });
  return {
    kind: "table",
    title: `Paired differences to ${baseline}`,
    about: "Over the seeds that both have been run with: mean and 95 % interval (Student's t). " +
      "Accuracies in points; rounds and bytes as how many times as many the baseline needs, " +
      "where ≥ and ≤ stand for ratios that are bounds because a run never got there.",
    texts: 1,
    head: ["Method", "Seeds", ...metrics.map(({ title }) => title)],
    rows,
  };
}

/** What distribution costs the clients of each rank. */
export function dropTable(context: CellContext): Table {
  const { results, cell } = context;
  const methods = rankedMethods(context);
  const drops = new Map(methods.map((method) => [
    method,
    runsOf(results, cell, method).map(tierDrops),
  ]));
  const ranks = [...new Set([...drops.values()].flat(2).map(({ rank }) => rank))]
    .sort((one, other) => one - other);
  const rows = methods.map((method) => {
    const runs = drops.get(method)!;
    const at = (rank: number) =>
      runs.flatMap((tiers) => tiers.filter((tier) => tier.rank === rank));
    const largest = runs.flat().map((tier) => tier.largest);
    return methodRow(context, method, [
      ...ranks.map((rank) => lostText(at(rank).map(({ mean }) => mean))),
      lostText(largest.length === 0 ? [] : [Math.max(0, ...largest)]),
    ]);
  });
  return {
    kind: "table",
    title: "Accuracy lost at distribution",
    about: "In points: accuracy that a round ended with, less that of what a client of each rank " +
      "then receives and holds. Mean over the rounds after the first ± standard deviation over " +
      "seeds; and the largest of any round, rank and seed. A bare 0 is exact.",
    texts: 1,
    head: ["Method", ...ranks.map((rank) => `Rank ${rank}`), "Largest"],
    rows,
  };
}

function methodRow({ looks, baseline }: CellContext, method: string, cells: string[]): TableRow {
  return {
    cells: [method, ...cells],
    color: looks.get(method)!.color,
    ...(method === baseline && { mark: "strong" }),
  };
}

/** Finished seeds, and of how many where some are not. */
function seedCountText({ results, cell }: CellContext, method: string): string {
  const done = runsOf(results, cell, method).length;
  const planned = seedsOf(results.study, cell, method).length;
  const failed = failuresOf(results, cell, method).length;
  if (done === planned) return String(done);
  return `${done} of ${planned}${failed > 0 ? `, ${failed} failed` : ""}`;
}

function meanUp(runs: readonly StudyRun[], kind: "lora" | "head" | "total"): number {
  return mean(runs.map(({ summary }) => summary.upBytes[kind]));
}

function shareText(bytes: number, all: number): string {
  return all === 0 ? nothing : percentText(bytes / all);
}

function ranksText({ ranks, rank }: Partial<RunConfig>): string {
  return ranks === undefined || rank === undefined ? nothing : `${ranks.join("/")} of ${rank}`;
}

function distinct(
  runs: readonly StudyRun[],
  of: (config: Partial<RunConfig>) => number | undefined,
): string {
  return [...new Set(runs.map(({ config }) => of(config) ?? nothing))].join(" or ");
}
