// @ts-check
/// <reference lib="dom" />
/**
 * The picture of a block of modules.
 *
 * @module
 */

/** @typedef {import("./heat_data.js").Cell} Cell */
/** @typedef {readonly [row: number, component: number]} Place */

/**
 * @typedef {object} HeatDrawing
 * @property {SVGSVGElement} element
 * @property {readonly (readonly (readonly SVGRectElement[])[])[]} rects [rows][r]: the score's and the trainers'
 * @property {ReadonlyMap<EventTarget, Place>} places of the rects
 */

import { svg } from "./dom.js";
import { heatLayout } from "./heat_layout.js";

/**
 * @param {import("./heat_data.js").ModuleBlock} block
 * @param {readonly (readonly Cell[])[]} rows the block's cells
 * @returns {HeatDrawing}
 */
export function drawHeat(block, rows) {
  const rank = rows[0].length;
  const layout = heatLayout(rank, rows.length);
  const { width, height, scores, trainers, inUse, top, rowHeight } = layout;
  const element = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  element.style.width = `${width}px`;
  element.append(
    text(scores.left, 10, "score"),
    text(trainers.left, 10, "trained by"),
    text(inUse, 10, "in use"),
    ...componentNumbers(scores, rank, top - 6),
    ...componentNumbers(trainers, rank, top - 6),
  );
  /** @type {Map<EventTarget, Place>} */
  const places = new Map();
  const rects = rows.map((cells, row) => {
    const y = top + row * rowHeight;
    const baseline = y + rowHeight / 2 + 3.5;
    const used = cells.filter(({ share }) => share > 0).length;
    element.append(
      text(scores.left - 8, baseline, block.rows[row].name, "end"),
      text(inUse, baseline, `${used}/${rank}`),
    );
    return cells.map((cell, component) => {
      const pair = [
        rect(
          scores,
          component,
          y,
          rowHeight,
          cell.isTrained ? ["--heat-high", cell.level, "--heat-low"] : null,
        ),
        rect(
          trainers,
          component,
          y,
          rowHeight,
          cell.share > 0 ? ["--tier-high", cell.share, "--tier-low"] : null,
        ),
      ];
      element.append(...pair);
      pair.forEach((one) => places.set(one, [row, component]));
      return pair;
    });
  });
  return { element, rects, places };
}

/**
 * @param {{ readonly left: number, readonly cell: number }} map
 * @param {number} component
 * @param {number} y
 * @param {number} rowHeight
 * @param {[high: string, share: number, low: string] | null} fill
 */
function rect({ left, cell }, component, y, rowHeight, fill) {
  const gap = cell > 8 ? 2 : cell > 4 ? 1 : 0.5;
  const element = svg("rect", {
    class: fill ? "cell" : "cell none",
    x: left + component * cell,
    y,
    width: cell - gap,
    height: rowHeight - gap,
    rx: cell > 8 ? 2 : 0,
  });
  if (fill) {
    const [high, share, low] = fill;
    element.style.fill = `color-mix(in oklab, var(${high}) ${
      Math.round(100 * share)
    }%, var(${low}))`;
  }
  return element;
}

/**
 * @param {{ readonly left: number, readonly cell: number }} map
 * @param {number} rank
 * @param {number} y
 */
function componentNumbers({ left, cell }, rank, y) {
  const every = [1, 2, 4, 8, 16].find((step) => step * cell >= 22) ?? 32;
  return Array.from({ length: rank }, (_, component) => component + 1)
    .filter((number) => number % every === 0 || (number === 1 && every > 2))
    .map((number) => text(left + (number - 0.5) * cell - 1, y, String(number), "middle"));
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} content
 * @param {"start" | "middle" | "end"} [anchor]
 */
function text(x, y, content, anchor = "start") {
  return svg("text", { x, y, "text-anchor": anchor }, content);
}
