/**
 * The figures of a cell.
 *
 * @module
 */

import { compareMethods } from "../../../study/compare_methods.ts";
import { comparesAsRatio } from "../../../study/measures.ts";
import { meanCurve } from "../../../study/curves.ts";
import type { StudyRound } from "../../../study/result.ts";
import { runsOf } from "../../../study/study_results.ts";
import { bytesText, percentText, roundBytesText } from "../../units.ts";
import { type CellContext, comparedMetrics, rankedMethods } from "./cell_context.ts";
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
  const methods = rankedMethods(context).filter((name) => name !== baseline);
  const compared = comparedMetrics(context).map(({ metric, title }) => ({
    metric,
    title,
    comparisons: methods.map((name) => compareMethods(results, cell, metric, name, baseline)),
  }));
  // Two panels of accuracy would leave little room, and a target that nobody reaches compares nothing.
  const shown = compared.filter(({ metric, comparisons }, index) =>
    index === 0 ||
    (comparesAsRatio(metric) && comparisons.some(({ mean }) => mean !== undefined))
  );
  return {
    file: `${cell}-differences.svg`,
    title: `Against ${baseline}`,
    about: "Mean paired effect over common seeds with its 95 % interval; right of the line the " +
      "method does better. Ratios are the baseline's count over the method's; a triangle stands " +
      "for one that is a bound, and points to where it lies. An open mark is one seed; an arrow " +
      "cuts an interval far wider than the others.",
    figure: forestPlot(
      `Paired differences to ${baseline}, ${cell}`,
      shown.map(({ metric, title }) =>
        comparesAsRatio(metric)
          ? {
            title: `${title}, ratio`,
            scale: "ratio",
            sides: ["needs more", "needs less"],
          }
          : { title: `${title}, points`, scale: "difference", sides: ["worse", "better"] }
      ),
      methods.map((name, row) => ({
        name,
        look: looks.get(name)!,
        comparisons: shown.map(({ comparisons }) => comparisons[row]),
      })),
    ),
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

function greyText(context: CellContext): string {
  const grey = rankedMethods(context).some((name) => !context.looks.get(name)!.core);
  return grey ? " In grey: the other methods, without their bands." : "";
}
