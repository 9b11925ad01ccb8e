// @ts-check
/// <reference lib="dom" />
/**
 * A chart over rounds, with a legend that tells the values at the pointer, or at the arrow keys, or else the latest.
 *
 * @module
 */

import { stack } from "./chart_data.js";
import { createLegend } from "./chart_legend.js";
import { plotOptions } from "./chart_options.js";
import { h } from "./dom.js";

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {string} color name of a custom property of the style sheet
 * @property {boolean} [dashed]
 */

/**
 * @typedef {object} ChartSettings
 * @property {string} title
 * @property {string} about
 * @property {readonly Series[]} series
 * @property {(value: number) => string} tick a value at the axis
 * @property {(value: number) => string} tell a value in the legend
 * @property {boolean} fromZero
 * @property {boolean} [stacked] bars, the first series at the bottom
 * @property {readonly Node[]} empty what stands here while there is nothing to draw
 */

/** @typedef {readonly (number | null)[]} Values */
/** @typedef {readonly [readonly number[], ...Values[]]} ChartData */

/** @type {typeof import("uplot")} */
const uPlot = /** @type {any} */ (globalThis).uPlot;
const height = 232;

/**
 * @param {ChartSettings} settings
 * @param {(text: string) => void} announce
 */
export function createChart(settings, announce) {
  const { title, about, series } = settings;
  const legend = createLegend(settings);
  const drawing = h("div", {
    class: "plot",
    tabindex: 0,
    role: "group",
    "aria-label": `${title} by round: the arrow keys read it out`,
  });
  const filled = h("div", {}, legend.element, drawing, h("p", { class: "axis-name" }, "round"));
  const empty = h("div", { class: "empty" }, ...settings.empty);
  const element = h(
    "section",
    { class: "card" },
    h("div", { class: "heading" }, h("h2", {}, title), legend.round),
    h("p", { class: "about" }, about),
    filled,
    empty,
  );
  /** @type {import("uplot") | undefined} */
  let plot;
  /** @type {ChartData} */
  let data = [[]];

  /** @returns {any} the data as the plot wants them */
  const drawn = () => settings.stacked ? stack(data) : data;
  const tellAtCursor = () => legend.tell(data, plot?.cursor.idx ?? null);
  /** @param {number} index */
  const moveTo = (index) => {
    if (!plot) return;
    const place = Math.min(data[0].length - 1, Math.max(0, index));
    plot.setCursor({ left: plot.valToPos(/** @type {number} */ (data[0][place]), "x"), top: 0 });
    announce(legend.text(data, place));
  };
  drawing.addEventListener("keydown", (event) => {
    const last = data[0].length - 1;
    const now = plot?.cursor.idx ?? last + 1;
    const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    moveTo(next);
  });
  drawing.addEventListener("blur", () => plot?.setCursor({ left: -10, top: -10 }));
  const sized = new ResizeObserver(() => {
    const width = drawing.clientWidth;
    if (width === 0) return;
    if (plot) plot.setSize({ width, height });
    else plot = new uPlot(plotOptions(settings, { width, height, tellAtCursor }), drawn(), drawing);
  });
  sized.observe(drawing);

  return {
    element,
    /** @param {ChartData} values rounds, then a list for each series */
    update(values) {
      data = values;
      const isEmpty = values.slice(1).every((list, place) =>
        series[place].dashed || list.every((value) => value === null)
      );
      filled.hidden = legend.round.hidden = isEmpty;
      empty.hidden = !isEmpty;
      plot?.setData(drawn());
      tellAtCursor();
    },
    redraw: () => plot?.redraw(false),
    close() {
      sized.disconnect();
      plot?.destroy();
    },
  };
}
