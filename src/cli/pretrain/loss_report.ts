/** The loss curve of a pretraining as one HTML file without network or script. @module */

import { lineChart } from "../report/line_chart.ts";
import { page } from "../report/page.ts";
import { element, escapeText } from "../report/svg.ts";
import { countText } from "../units.ts";
import { modelText } from "./announce.ts";
import type { Metric, PretrainFile } from "./folder.ts";

/** Points that a curve is drawn with at most. */
const MOST_POINTS = 200;

/** Renders the report. */
export function lossReport({ config, corpus }: PretrainFile, metrics: readonly Metric[]): string {
  const title = `Pretraining: ${modelText(config)}`;
  const series = (name: string, color: string, points: readonly [Metric, number][]) => ({
    name,
    color,
    points: points.map(([{ step }, y]) => ({
      x: step,
      y,
      told: `Step ${countText(step)}, ${name}: ${y.toFixed(3)}`,
    })),
  });
  const held = metrics.flatMap((metric): [Metric, number][] =>
    metric.validationLoss === undefined ? [] : [[metric, metric.validationLoss]]
  );
  const chart = metrics.length === 0 ? element("p", {}, "No step has been taken.") : lineChart({
    name: "Loss by step",
    series: [
      series("training", "var(--train)", thinned(metrics)),
      series("held-out documents", "var(--validation)", held),
    ],
    x: { title: "step", format: countText, whole: true, from: 0 },
    y: {
      format: (value) => value.toFixed(1),
      precise: (value) => value.toFixed(3),
      fromZero: false,
    },
  });
  const lead = `${countText(corpus.trainTokens)} tokens of ${
    countText(corpus.documents)
  } documents; loss in nats per predicted token. The held-out rows are the same each time.`;
  const body = element(
    "main",
    {},
    element(
      "header",
      {},
      element("h1", {}, escapeText(title)),
      element("p", { class: "lead" }, escapeText(lead)),
    ),
    element("section", { class: "card" }, element("h2", {}, "Loss"), chart),
  );
  return page(title, body);
}

/** Means of neighbours, so that a long curve stays readable. */
function thinned(metrics: readonly Metric[]): [Metric, number][] {
  const group = Math.ceil(metrics.length / MOST_POINTS);
  const points: [Metric, number][] = [];
  for (let start = 0; start < metrics.length; start += group) {
    const part = metrics.slice(start, start + group);
    const mean = part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
    points.push([part[part.length - 1], mean]);
  }
  return points;
}
