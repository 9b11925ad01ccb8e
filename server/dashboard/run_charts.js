// @ts-check
/// <reference lib="dom" />
/**
 * The charts of a run: what it has learned, and what that cost.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */

import { createChart } from "./chart.js";
import { byteData, byteKinds, scoreData, sumData } from "./chart_data.js";
import { adminCommands, commandBlock } from "./commands.js";
import { h } from "./dom.js";
import {
  bytesText,
  percentText,
  perplexityText,
  roundBytesText,
  roundPerplexityText,
} from "./format.js";
import { capitalized, measureOf } from "./scores.js";

const parties = [
  { name: "clients", color: "--validation" },
  { name: "evaluators", color: "--train" },
];

const byteSeries = {
  lora: { name: "LoRA", color: "--lora" },
  head: { name: "head", color: "--head" },
  overhead: { name: "overhead", color: "--overhead" },
};

/**
 * Accuracy, or a language model's perplexity, and loss by round.
 *
 * @param {import("./app.js").Context} context
 * @param {RunStatus["task"]} task
 * @returns {import("./run_page.js").Section}
 */
export function createScoreCharts({ origin, announce }, task) {
  const command = h("div");
  const measure = measureOf(task);
  const isAccuracy = measure === "accuracy";
  const figures = createChart({
    title: capitalized(measure),
    about: "The aggregated model on held-out rows, after each round.",
    series: isAccuracy
      ? [...parties, { name: "chance", color: "--server", dashed: true }]
      : parties,
    tick: isAccuracy ? (value) => percentText(value, 0) : roundPerplexityText,
    tell: isAccuracy ? percentText : perplexityText,
    fromZero: isAccuracy,
    empty: [
      h("p", {}, "Nobody has scored a round yet."),
      h(
        "p",
        {},
        "Clients with held-out rows report after each round. To have a public test set scored too, invite an evaluator:",
      ),
      command,
    ],
  }, announce);
  const loss = createChart({
    title: "Loss",
    about: `Mean cross-entropy, in nats${isAccuracy ? "" : " a token"}.`,
    series: parties,
    tick: (value) => value.toFixed(2),
    tell: (value) => value.toFixed(3),
    fromZero: false,
    empty: [h("p", {}, `Appears with the first ${measure}.`)],
  }, announce);
  return group([figures, loss], (status) => {
    if (command.childElementCount === 0) {
      command.append(commandBlock(adminCommands(origin).inviteEvaluator(status.run)));
    }
    const { published, labels } = status;
    const [rounds, ...lists] = scoreData(published, measure);
    figures.update(
      isAccuracy ? [rounds, ...lists, rounds.map(() => 1 / labels)] : [rounds, ...lists],
    );
    loss.update(scoreData(published, "loss"));
  });
}

/**
 * Bytes by round and in all.
 *
 * @param {import("./app.js").Context} context
 * @param {RunStatus["task"]} task
 * @returns {import("./run_page.js").Section}
 */
export function createByteCharts({ announce }, task) {
  const kinds = byteKinds(task);
  const kindSeries = kinds.map((kind) => byteSeries[kind]);
  /**
   * @param {string} title
   * @param {string} about
   * @param {readonly import("./chart.js").Series[]} series
   * @param {boolean} stacked
   */
  const chart = (title, about, series, stacked) =>
    createChart({
      title,
      about,
      series,
      stacked,
      tick: roundBytesText,
      tell: bytesText,
      fromZero: true,
      empty: [],
    }, announce);
  const up = chart("Sent to the server", "Accepted updates of each round.", kindSeries, true);
  const down = chart("Sent to the clients", "Downloads of each round.", kindSeries, true);
  const sum = chart("Bytes so far", "All rounds together.", [
    { name: "to the server", color: "--validation" },
    { name: "to the clients", color: "--train" },
  ], false);
  const section = group([up, down, sum], ({ published, roundsDone }) => {
    section.element.hidden = roundsDone === 0;
    up.update(byteData(published, "upBytes", kinds));
    down.update(byteData(published, "downBytes", kinds));
    sum.update(sumData(published));
  });
  return section;
}

/**
 * @param {readonly ReturnType<typeof createChart>[]} charts
 * @param {(status: RunStatus) => void} update
 * @returns {import("./run_page.js").Section}
 */
function group(charts, update) {
  return {
    element: h("div", { class: "charts" }, ...charts.map(({ element }) => element)),
    update,
    redraw: () => charts.forEach((chart) => chart.redraw()),
    close: () => charts.forEach((chart) => chart.close()),
  };
}
