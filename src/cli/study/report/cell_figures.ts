/**
 * The figures of a cell.
 *
 * @module
 */

import { compareMethods } from "../../../study/compare_methods.ts";
import { countsToTarget } from "../../../study/measures.ts";
import { type CurvePoint, meanCurve } from "../../../study/curves.ts";
import type { StudyRound, StudyRun } from "../../../study/result.ts";
import { runsOf } from "../../../study/study_results.ts";
import { bytesText, percentText, roundBytesText } from "../../units.ts";
import { type CellContext, comparedMetrics, rankedMethods } from "./cell_tables.ts";
import { type Curve, type CurveChart, curveChart } from "./curve_chart.ts";
import type { ReportFigure } from "./document.ts";
import { forestPlot } from "./forest_plot.ts";
import { referenceText } from "./number_text.ts";
import { type Panel, panelGrid } from "./panels.ts";

const rounds = { title: "round", format: String, whole: true };
const percent = { format: (value: number) => percentText(value, 0), precise: percentText };

/** Validation accuracy after each round. */
export function accuracyFigure(context: CellContext): ReportFigure {
  const { results, cell } = context;
  const chance = results.runs.find((run) => run.cell === cell)?.summary.chance;
  const references = results.study.references[cell] ?? [];
  return {
    file: `${cell}-accuracy.svg`,
    title: "Accuracy by round",
    about: "Validation accuracy of the aggregated model, mean over seeds; a band is one standard " +
      "error to either side." + greyText(context) +
      (references.length > 0 ? " Scores from elsewhere are of the test rows." : ""),
    figure: curveChart({
      name: `Validation accuracy by round, ${cell}`,
      curves: curvesOf(context, byRound, ({ accuracy }) => accuracy, percentText),
      x: rounds,
      y: { ...percent, fromZero: true },
      levels: [
        ...(chance === undefined ? [] : [{ text: `chance: ${percentText(chance)}`, y: chance }]),
        ...references.map(({ name, accuracy }) => ({
          text: `${name}: ${referenceText(accuracy)} %`,
          y: accuracy,
        })),
      ],
    }, "wide"),
  };
}

/** Validation accuracy against bytes sent, and validation loss after each round. */
export function costAndLossFigures(context: CellContext): ReportFigure[] {
  const { cell } = context;
  const charts: readonly [string, string, string, CurveChart][] = [
    ["bytes", "Accuracy by bytes sent", "What a validation accuracy has cost in uploads.", {
      name: `Validation accuracy by bytes sent to the server, ${cell}`,
      curves: curvesOf(
        context,
        ({ cumulativeUp }) => cumulativeUp,
        ({ accuracy }) => accuracy,
        percentText,
      ),
      x: { title: "sent to the server", format: roundBytesText, from: 0 },
      y: { ...percent, fromZero: true },
    }],
    ["loss", "Loss by round", "Mean cross-entropy on the validation rows, in nats.", {
      name: `Validation loss by round, ${cell}`,
      curves: curvesOf(context, byRound, ({ loss }) => loss, lossText),
      x: rounds,
      y: { format: lossText, precise: lossText, fromZero: false },
    }],
  ];
  return charts.map(([file, title, about, chart]) => ({
    file: `${cell}-${file}.svg`,
    title,
    about,
    figure: curveChart(chart, "half"),
  }));
}

/** Share of all components that a client has trained so far; methods whose curves are the same share one. */
export function trainedFigure(context: CellContext): ReportFigure {
  const curves = curvesOf(context, byRound, ({ trainedShare }) => trainedShare, percentText);
  const groups = Map.groupBy(
    curves.toSorted((one, other) => Number(other.look.core) - Number(one.look.core)),
    ({ points }) => points.map(({ y }) => y.toFixed(3)).join(" "),
  );
  const merged = [...groups.values()].map((same): Curve => ({
    ...same[0],
    name: same.length === 1 ? same[0].name : `${same[0].name} and ${same.length - 1} more`,
    told: same.map(({ told }) => told).join("\n"),
  }));
  const together = [...groups.values()].filter((same) => same.length > 1)
    .map((same) => same.map(({ name }) => name).join(", "));
  return {
    file: `${context.cell}-trained.svg`,
    title: "Components ever trained",
    about: "Share of all components that any client has trained so far, mean over seeds." +
      (together.length > 0 ? ` On one line: ${together.join("; ")}.` : ""),
    figure: curveChart({
      name: `Share of components ever trained by round, ${context.cell}`,
      curves: merged,
      x: rounds,
      y: { ...percent, fromZero: true },
    }, "low"),
  };
}

/** Every method against the baseline. */
export function differenceFigure(context: CellContext): ReportFigure {
  const { results, cell, looks, baseline } = context;
  const metrics = comparedMetrics(context).filter(({ metric }) => metric !== "testAtBest");
  const rows = rankedMethods(context).filter((name) => name !== baseline).map((name) => ({
    name,
    look: looks.get(name)!,
    comparisons: metrics.map(({ metric }) => compareMethods(results, cell, metric, name, baseline)),
  }));
  return {
    file: `${cell}-differences.svg`,
    title: `Against ${baseline}`,
    about: "Mean paired effect over common seeds with its 95 % interval; right of the line the " +
      "method does better. Ratios are the baseline's count over the method's. An open circle is one seed; an arrow cuts an interval far wider than " +
      "the others.",
    figure: forestPlot(
      `Paired differences to ${baseline}, ${cell}`,
      metrics.map(({ metric, title }) =>
        countsToTarget(metric)
          ? {
            title: `${title}, ratio`,
            scale: "ratio",
            sides: ["needs more", "needs less"],
          }
          : { title: `${title}, points`, scale: "difference", sides: ["worse", "better"] }
      ),
      rows,
    ),
  };
}

/** Accuracy right after distribution by rank, of the methods where it is another than the server's; undefined where there are none. */
export function distributionFigure(context: CellContext): ReportFigure | undefined {
  const { results, cell } = context;
  const panels = rankedMethods(context).flatMap((method): Panel[] => {
    const runs = runsOf(results, cell, method);
    const ranks = [
      ...new Set(
        runs.flatMap((run) => run.rounds.flatMap(({ perTier }) => perTier.map(({ rank }) => rank))),
      ),
    ].sort((one, other) => one - other);
    const server = before(meanCurve(runs, byRound, ({ accuracy }) => accuracy));
    const tiers = ranks.map((rank) => afterDistribution(runs, rank));
    const differs = tiers.some((points) =>
      points.some(({ x, y }) =>
        Math.abs(y - (server.find((point) => point.x === x)?.y ?? y)) > 0.0005
      )
    );
    if (!differs) return [];
    const look = { dashed: false, core: true };
    return [{
      title: method,
      curves: [
        ...tiers.map((points, place) => ({
          name: `rank ${ranks[place]}`,
          look: {
            ...look,
            color: `color-mix(in oklab, var(--tier-high) ${
              Math.round(100 * place / Math.max(1, ranks.length - 1))
            }%, var(--tier-low))`,
          },
          points,
          told: `What clients of rank ${ranks[place]} hold before they train`,
        })),
        {
          name: "server",
          look: { ...look, color: "var(--server)", dashed: true },
          points: server,
          told: "What the round before ended with",
        },
      ],
      named: ranks.map((rank) => `rank ${rank}`),
    }];
  });
  if (panels.length === 0) return undefined;
  return {
    file: `${cell}-distribution.svg`,
    title: "Accuracy right after distribution, by rank",
    about: "What clients hold before they train, mean over seeds, beside what the round before " +
      "ended with (dashed). Methods that are not shown lose nothing.",
    figure: panelGrid(`Accuracy right after distribution by rank, ${cell}`, panels, {
      columns: 3,
      x: "round",
      format: percent.format,
    }),
  };
}

/** Each method by itself, the others behind it. */
export function singlesFigure(context: CellContext): ReportFigure {
  const curves = curvesOf(context, byRound, ({ accuracy }) => accuracy, percentText);
  const behind = curves.map((curve): Curve => ({
    ...curve,
    look: { color: "var(--grid)", dashed: false, core: false },
  }));
  const panels = curves.map(({ name, look, points, told }): Panel => ({
    title: name,
    curves: [{
      name,
      look: { color: look.core ? look.color : "var(--ink)", dashed: false, core: true },
      points,
      told,
    }],
  }));
  return {
    file: `${context.cell}-methods.svg`,
    title: "Accuracy by round, each method by itself",
    about: "Validation accuracy, mean over seeds; a band is one standard error to either side.",
    figure: panelGrid(`Validation accuracy of each method by round, ${context.cell}`, panels, {
      columns: 4,
      behind,
      x: "round",
      format: percent.format,
    }),
  };
}

function curvesOf(
  context: CellContext,
  x: (round: StudyRound) => number,
  y: (round: StudyRound) => number,
  format: (value: number) => string,
): Curve[] {
  const { results, cell, looks } = context;
  return rankedMethods(context).map((name) => {
    const runs = runsOf(results, cell, name);
    const points = meanCurve(runs, x, y);
    const last = points[points.length - 1];
    const error = last.error === undefined ? "" : ` ± ${format(last.error)}`;
    return {
      name,
      look: looks.get(name)!,
      points,
      told: `${name}: ${format(last.y)}${error} in the end, n = ${runs.length}, ` +
        `${bytesText(runs[0].summary.upBytes.total)} up`,
    };
  });
}

function byRound({ round }: StudyRound): number {
  return round;
}

function lossText(value: number): string {
  return value.toFixed(2);
}

/** The model that a round distributes is the one the round before ended with. */
function before(points: readonly CurvePoint[]): CurvePoint[] {
  return points.slice(0, -1).map(({ x, y }) => ({ x: x + 1, y }));
}

function afterDistribution(runs: readonly StudyRun[], rank: number): CurvePoint[] {
  const points = meanCurve(
    runs,
    byRound,
    // Nothing stands before the first round; and of some round a rank may have had no client.
    ({ round, perTier }) =>
      round === 1
        ? undefined
        : perTier.find((tier) => tier.rank === rank && tier.clients > 0)?.accuracyAfterDistribution,
  );
  return points.map(({ x, y }) => ({ x, y }));
}

function greyText(context: CellContext): string {
  const grey = rankedMethods(context).some((name) => !context.looks.get(name)!.core);
  return grey ? " In grey: the other methods, without their bands." : "";
}
