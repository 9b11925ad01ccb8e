// @ts-check
/// <reference lib="dom" />
/**
 * The head of a run's page: what it is, where it stands, and the figures people come for.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */

import { h, setText } from "./dom.js";
import { dateText } from "./format.js";
import { createRoundBar } from "./round_bar.js";
import {
  bytesFigure,
  leadText,
  roundFigure,
  scoreFigure,
  timeLeft,
  updatesFigure,
} from "./run_figures.js";
import { capitalized, measureOf } from "./scores.js";
import { createStateBadge } from "./state_badge.js";

/**
 * @param {import("./app.js").Context} context
 * @param {RunStatus["task"]} task
 * @returns {import("./run_page.js").Section}
 */
export function createRunHeader({ clock }, task) {
  const eyebrow = h("p", { class: "eyebrow" });
  const name = h("span");
  const badge = createStateBadge();
  const lead = h("p", { class: "lead" });
  const round = createFigure("Round");
  const left = createFigure("Time left", "timer");
  const updates = createFigure("Updates");
  const score = createFigure(capitalized(measureOf(task)));
  const up = createFigure("Sent to the server");
  const down = createFigure("Sent to the clients");
  const figures = [round, left, updates, score, up, down];
  const bar = createRoundBar();
  const element = h(
    "header",
    { class: "run-head" },
    eyebrow,
    h("h1", {}, name, " ", badge.element),
    lead,
    h("dl", { class: "figures" }, ...figures.map((figure) => figure.element)),
    bar.element,
  );
  /** @type {RunStatus | undefined} */
  let shown;
  const tick = () => {
    if (shown) left.update(...timeLeft(shown, clock.now()));
  };
  return {
    element,
    soft: true,
    tick,
    update(status) {
      shown = status;
      setText(eyebrow, `Run ${status.run}, created ${dateText(status.createdAt)}`);
      setText(name, status.name);
      badge.update(status.state);
      setText(lead, leadText(status));
      round.update(...roundFigure(status));
      updates.update(...updatesFigure(status));
      score.update(...scoreFigure(status));
      up.update(...bytesFigure(status, "upBytes"));
      down.update(...bytesFigure(status, "downBytes"));
      bar.update(status);
      tick();
    },
  };
}

/**
 * @param {string} name
 * @param {string} [role]
 */
function createFigure(name, role) {
  const value = h("span", { role });
  const detail = h("small");
  return {
    element: h("div", {}, h("dt", {}, name), h("dd", {}, value, detail)),
    /**
     * @param {string} text
     * @param {string} about
     */
    update(text, about) {
      setText(value, text);
      setText(detail, about);
    },
  };
}
