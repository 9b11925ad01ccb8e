// @ts-check
/// <reference lib="dom" />
/**
 * Tables that scroll sideways on a narrow screen, by keyboard too.
 *
 * @module
 */

import { h } from "./dom.js";

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {boolean} [isNumber] aligned at the right
 */

/**
 * @param {string} name read out for the region that scrolls
 * @param {readonly Column[]} columns
 * @param {string} [className]
 * @returns {{ element: HTMLElement, body: HTMLTableSectionElement }}
 */
export function createTable(name, columns, className) {
  const body = h("tbody");
  const heads = columns.map((column) =>
    h("th", { scope: "col", class: column.isNumber ? "number" : undefined }, column.name)
  );
  const element = h(
    "div",
    { class: "scroll", role: "region", "aria-label": name, tabindex: 0 },
    h("table", { class: className }, h("thead", {}, h("tr", {}, ...heads)), body),
  );
  return { element, body };
}

/**
 * A row of texts; the first is its header.
 *
 * @param {readonly Column[]} columns
 * @param {readonly string[]} texts
 */
export function createTextRow(columns, texts) {
  return h(
    "tr",
    {},
    ...texts.map((text, place) => {
      const className = columns[place].isNumber ? "number" : undefined;
      return place === 0
        ? h("th", { scope: "row", class: className }, text)
        : h("td", { class: className }, text);
    }),
  );
}
