// @ts-check
/// <reference lib="dom" />
/**
 * The importance of every component, after the latest round or an earlier one.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */
/** @typedef {import("../../src/protocol/http/documents.ts").RoundStatus} RoundStatus */

import { h, setText } from "./dom.js";
import { countText, percentText } from "./format.js";
import { heatCells, moduleBlocks, scoreText } from "./heat_data.js";
import { createHeatMap } from "./heat_map.js";
import { createTable, createTextRow } from "./table.js";

/**
 * @param {import("./app.js").Context} context
 * @returns {import("./run_page.js").Section}
 */
export function createComponents({ announce }) {
  const about = h("p", { class: "about" });
  const slider = h("input", { id: "heat-round", type: "range", step: 1 });
  const chosen = h("output", { for: "heat-round" });
  const choice = h(
    "p",
    { class: "choice" },
    h("label", { for: "heat-round" }, "After round"),
    slider,
    chosen,
  );
  const blocks = h("div", { class: "blocks" });
  const table = h("details", {}, h("summary", {}, "As a table"));
  const element = h(
    "section",
    { class: "card components" },
    h("h2", {}, "Importance of every component"),
    about,
    h("div", { class: "above" }, createLegend(), choice),
    blocks,
    table,
  );
  /** @type {ReturnType<typeof createHeatMap>[]} */
  let maps = [];
  /** @type {RunStatus | undefined} */
  let status;
  /** @type {readonly RoundStatus[]} */
  let rounds = [];

  const draw = () => {
    if (!status || rounds.length === 0) return;
    const place = Number(slider.value) - 1;
    const cells = heatCells(status.modules, rounds, place);
    maps.forEach((map) => map.update(cells));
    setText(chosen, `${rounds[place].round} of ${rounds.length}`);
    if (table.open) fillTable(table, status, rounds[place]);
  };
  slider.addEventListener("input", draw);
  table.addEventListener("toggle", draw);
  return {
    element,
    update(next) {
      const isAtEnd = slider.max === slider.value || status === undefined;
      status = next;
      rounds = next.published.filter(({ round }) => round > 0);
      const latest = rounds.at(-1);
      element.hidden = latest === undefined;
      if (latest === undefined) return;
      setText(about, aboutText(next, latest));
      slider.min = "1";
      slider.max = String(rounds.length);
      if (isAtEnd) slider.value = slider.max;
      choice.hidden = rounds.length === 1;
      if (maps.length === 0) {
        maps = moduleBlocks(next.modules).map((block) => createHeatMap(block, announce));
        blocks.append(...maps.map((map) => map.element));
      }
      draw();
    },
  };
}

/**
 * @param {RunStatus} status
 * @param {RoundStatus} latest
 */
function aboutText({ rank, modules }, latest) {
  return `Score of each of the ${rank} components of a module, and how many of the round's contributors trained it. ` +
    `${percentText(latest.trainedShare, 0)} of all ${
      countText(rank * modules.length)
    } components have been trained so far.`;
}

function createLegend() {
  return h(
    "ul",
    { class: "legend" },
    h("li", {}, "a thousandth", h("i", { class: "ramp" }), "module's highest"),
    h("li", {}, "one", h("i", { class: "ramp trainers" }), "all contributors"),
    h("li", {}, h("i", { class: "none-key" }), "not trained"),
  );
}

/**
 * @param {HTMLElement} place
 * @param {RunStatus} status
 * @param {RoundStatus} round
 */
function fillTable(place, { modules, rank }, { round, scores, selected }) {
  const columns = [
    { name: "Module" },
    ...Array.from(
      { length: rank },
      (_, component) => ({ name: String(component + 1), isNumber: true }),
    ),
  ];
  const { element, body } = createTable(`Components after round ${round}`, columns);
  modules.forEach((name, module) =>
    body.append(createTextRow(columns, [
      name,
      ...scores[module].map((score, component) =>
        `${scoreText(score)} (${selected[module][component]})`
      ),
    ]))
  );
  place.querySelector(".scroll")?.remove();
  place.append(element);
}
