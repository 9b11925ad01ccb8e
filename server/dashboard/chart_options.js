// @ts-check
/// <reference lib="dom" />
/**
 * How charts look: thin level lines, no frame, colours of the style sheet.
 *
 * @module
 */

import { niceTicks } from "./chart_scale.js";

/** @typedef {import("./chart.js").ChartSettings} ChartSettings */
/** @typedef {import("uplot").Series} PlotSeries */

/** @type {typeof import("uplot")} */
const uPlot = /** @type {any} */ (globalThis).uPlot;

/**
 * @param {ChartSettings} settings
 * @param {{ width: number, height: number, tellAtCursor: () => void }} surroundings
 * @returns {import("uplot").Options}
 */
export function plotOptions(settings, { width, height, tellAtCursor }) {
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: () => colorOf("--soft"), font, ticks: { show: false } };
  /** @type {number[]} */
  let ticks = [];
  return {
    width,
    height,
    padding: [10, 14, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: (_plot, series) => settings.series[series - 1]?.dashed ? 0 : 8 },
    },
    scales: {
      x: { time: false, range: ({ data: [rounds] }) => roundRange(settings, rounds) },
      y: {
        range(_plot, from, to) {
          ticks = niceTicks(settings.fromZero ? Math.min(0, from ?? 0) : from ?? 0, to ?? 1, 5);
          return [ticks[0], ticks[ticks.length - 1]];
        },
      },
    },
    axes: [
      {
        ...axis,
        size: 26,
        gap: 6,
        grid: { show: false },
        border: { show: true, stroke: () => colorOf("--axis"), width: 1 },
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
        values: (_plot, rounds) => rounds.map((round) => Number.isInteger(round) ? `${round}` : ""),
      },
      {
        ...axis,
        gap: 8,
        size: (_plot, texts) => 16 + 7.2 * Math.max(3, ...(texts ?? []).map((text) => text.length)),
        grid: { stroke: () => colorOf("--grid"), width: 1 },
        splits: () => ticks,
        values: (_plot, values) => values.map(settings.tick),
      },
    ],
    series: [
      {},
      ...(settings.stacked ? settings.series.toReversed().map(bars) : settings.series.map(line)),
    ],
    hooks: { setCursor: [tellAtCursor] },
  };
}

/** @param {import("./chart.js").Series} series @returns {PlotSeries} */
function line({ color, dashed }) {
  return {
    stroke: () => colorOf(color),
    width: dashed ? 1.5 : 2,
    spanGaps: true,
    ...(dashed && { dash: [2, 4] }),
    // A line of one value is not seen without its point.
    points: {
      show: (plot) => !dashed && plot.data[0].length < 3,
      size: 7,
      fill: () => colorOf(color),
    },
  };
}

/** @param {import("./chart.js").Series} series @returns {PlotSeries} */
function bars({ color }) {
  return {
    fill: () => colorOf(color),
    stroke: () => colorOf(color),
    width: 0,
    points: { show: false },
    ...(uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.64, 28], align: 0 }) }),
  };
}

/**
 * From the first round to the last; bars reach to both sides of theirs.
 *
 * @param {ChartSettings} settings
 * @param {ArrayLike<number>} rounds
 * @returns {[number, number]}
 */
function roundRange({ stacked }, rounds) {
  const first = rounds[0] ?? 0;
  const last = rounds[rounds.length - 1] ?? 1;
  return stacked ? [first - 0.5, last + 0.5] : [first, Math.max(last, first + 1)];
}

/**
 * The colour a custom property stands for now.
 *
 * @param {string} name
 */
function colorOf(name) {
  // The property's own value is light-dark(…), which a canvas does not read; an element's colour is resolved.
  const probe = document.body;
  probe.style.setProperty("outline-color", `var(${name})`);
  const { outlineColor } = getComputedStyle(probe);
  probe.style.removeProperty("outline-color");
  return outlineColor;
}
