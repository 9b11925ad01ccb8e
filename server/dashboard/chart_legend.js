// @ts-check
/// <reference lib="dom" />
/**
 * The legend of a chart, which tells values too.
 *
 * @module
 */

/** @typedef {import("./chart.js").ChartData} ChartData */
/** @typedef {import("./chart.js").ChartSettings} ChartSettings */
/** @typedef {import("./chart.js").Values} Values */

import { h, setText } from "./dom.js";

/** @param {ChartSettings} settings */
export function createLegend({ series, tell }) {
  const round = h("span", { class: "at" });
  const items = series.map(({ name, color, dashed }) => {
    const key = h("i", { class: dashed ? "key dashed" : "key" });
    key.style.setProperty("--key", `var(${color})`);
    const value = h("b");
    return { value, element: h("li", {}, key, name, value) };
  });
  /**
   * The value at a place, or without one the latest that there is.
   *
   * @param {Values} values
   * @param {number | null} place
   */
  const valueText = (values, place) => {
    const value = place === null ? values.findLast((one) => one !== null) : values[place];
    return value === null || value === undefined ? "–" : tell(value);
  };
  return {
    element: h("ul", { class: "legend" }, ...items.map((item) => item.element)),
    round,
    /** @param {ChartData} data @param {number | null} place */
    tell([rounds, ...lists], place) {
      setText(round, place === null ? "latest" : `round ${rounds[place]}`);
      items.forEach(({ element, value }, index) => {
        element.hidden = lists[index].every((one) => one === null);
        setText(value, valueText(lists[index], place));
      });
    },
    /** @param {ChartData} data @param {number} place */
    text([rounds, ...lists], place) {
      const told = series.flatMap(({ name }, index) =>
        lists[index][place] === null ? [] : [`${name} ${valueText(lists[index], place)}`]
      );
      return `Round ${rounds[place]}: ${told.join(", ")}`;
    },
  };
}
