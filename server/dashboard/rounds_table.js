// @ts-check
/// <reference lib="dom" />
/**
 * Every published round in numbers: the charts for those who would rather read.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RoundStatus} RoundStatus */
/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */
/** @typedef {import("../../src/protocol/http/documents.ts").AnyScore} AnyScore */

import { h } from "./dom.js";
import { bytesText, countText, dateText, percentText } from "./format.js";
import { figureText, measureOf } from "./scores.js";
import { createTable, createTextRow } from "./table.js";

/** @param {RunStatus["task"]} task */
const columnsOf = (task) => [
  { name: "Round" },
  { name: `Held-out ${measureOf(task)}`, isNumber: true },
  { name: "Loss", isNumber: true },
  { name: "Evaluators", isNumber: true },
  { name: "Loss", isNumber: true },
  { name: "Updates", isNumber: true },
  { name: "Attempts", isNumber: true },
  { name: "Samples", isNumber: true },
  { name: "Up", isNumber: true },
  { name: "Down", isNumber: true },
  { name: "Trained", isNumber: true },
  { name: "Published", isNumber: true },
];

/**
 * @param {RunStatus["task"]} task
 * @returns {import("./run_page.js").Section}
 */
export function createRoundsTable(task) {
  const columns = columnsOf(task);
  const table = createTable("Rounds", columns);
  const element = h(
    "details",
    { class: "card" },
    h("summary", {}, "Rounds in numbers"),
    h("p", { class: "about" }, "Newest first; round 0 is the initial adapter."),
    table.element,
  );
  return {
    element,
    update({ published }) {
      element.hidden = published.length === 0;
      table.body.replaceChildren(
        ...published.toReversed().map((round) => createTextRow(columns, roundTexts(round))),
      );
    },
  };
}

/** @param {RoundStatus} round */
function roundTexts(round) {
  return [
    String(round.round),
    ...scoreTexts(round.heldOut),
    ...scoreTexts(round.evaluators),
    `${round.contributors.length} of ${round.sampled.length}`,
    String(round.attempts),
    countText(round.samples),
    bytesText(round.upBytes.total),
    bytesText(round.downBytes.total),
    percentText(round.trainedShare, 0),
    dateText(round.publishedAt),
  ];
}

/** @param {AnyScore | null} score */
function scoreTexts(score) {
  return score === null ? ["–", "–"] : [figureText(score), score.loss.toFixed(3)];
}
