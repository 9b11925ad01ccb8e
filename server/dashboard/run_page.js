// @ts-check
/// <reference lib="dom" />
/**
 * A run, live.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */

import { createClientsTable } from "./clients_table.js";
import { createComponents } from "./components.js";
import { h } from "./dom.js";
import { newsOf } from "./news.js";
import { createNextStep } from "./next_step.js";
import { createRefusals } from "./refusals.js";
import { RequestError } from "./requests.js";
import { createByteCharts, createScoreCharts } from "./run_charts.js";
import { createRunHeader } from "./run_header.js";
import { browserSurroundings, followRun } from "./run_stream.js";
import { createRoundsTable } from "./rounds_table.js";

/**
 * A part of the page.
 *
 * @typedef {object} Section
 * @property {HTMLElement} element
 * @property {(status: RunStatus) => void} update
 * @property {boolean} [soft] whether contacts and progress concern it
 * @property {() => void} [tick] called every second
 * @property {() => void} [redraw]
 * @property {() => void} [close]
 */

/**
 * @param {import("./app.js").Context} context
 * @param {string} run
 * @returns {import("./app.js").Page}
 */
export function createRunPage(context, run) {
  const element = h("div", {}, h("p", { class: "soft" }, "Loading the run…"));
  /** @type {Section[]} */
  let sections = [];
  /** @type {RunStatus | undefined} */
  let previous;

  /** @param {RunStatus} status */
  const show = (status) => {
    context.clock.hear(status.serverTime);
    if (previous === undefined) {
      sections = createSections(context, status);
      element.replaceChildren(...sections.map((section) => section.element));
      context.setTitle(status.name);
    }
    const hasChanged = previous?.revision !== status.revision;
    for (const section of sections) if (hasChanged || section.soft) section.update(status);
    const news = previous && newsOf(previous, status);
    if (news) context.announce(news);
    previous = status;
  };
  const stopFollowing = followRun(run, {
    onStatus: show,
    onConnection: context.showConnection,
    onRefused(status) {
      context.showConnection(null);
      if (!context.refused(new RequestError(status, ""))) element.replaceChildren(missing(run));
    },
  }, browserSurroundings);
  const timer = setInterval(() => sections.forEach((section) => section.tick?.()), 1000);

  return {
    title: run,
    element,
    redraw: () => sections.forEach((section) => section.redraw?.()),
    close() {
      stopFollowing();
      clearInterval(timer);
      sections.forEach((section) => section.close?.());
    },
  };
}

/**
 * @param {import("./app.js").Context} context
 * @param {RunStatus} status its task never changes
 * @returns {Section[]}
 */
function createSections(context, { task }) {
  return [
    createRunHeader(context, task),
    createNextStep(context),
    createScoreCharts(context, task),
    createClientsTable(context),
    createByteCharts(context, task),
    createComponents(context),
    createRefusals(),
    createRoundsTable(task),
  ];
}

/** @param {string} run */
function missing(run) {
  return h(
    "section",
    { class: "card" },
    h("h1", {}, "There is no such run"),
    h(
      "p",
      { class: "about" },
      `This server knows no run "${run}". `,
      h("a", { href: "/" }, "All runs"),
    ),
  );
}
