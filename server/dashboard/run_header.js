// @ts-check
/// <reference lib="dom" />
/**
 * The head of a run's page: what it is, where it stands, and the figures people come for.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */

import { h, setText } from "./dom.js";
import {
  bytesText,
  countdownText,
  countedText,
  dateText,
  durationText,
  percentText,
  timeText,
} from "./format.js";
import { createRoundBar } from "./round_bar.js";
import { bestScore, mainScores } from "./scores.js";
import { createStateBadge } from "./state_badge.js";

/**
 * @param {import("./app.js").Context} context
 * @returns {import("./run_page.js").Section}
 */
export function createRunHeader({ clock }) {
  const eyebrow = h("p", { class: "eyebrow" });
  const name = h("span");
  const badge = createStateBadge();
  const lead = h("p", { class: "lead" });
  const round = createFigure("Round");
  const left = createFigure("Time left", "timer");
  const updates = createFigure("Updates");
  const accuracy = createFigure("Accuracy");
  const up = createFigure("Sent to the server");
  const down = createFigure("Sent to the clients");
  const figures = [round, left, updates, accuracy, up, down];
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
      accuracy.update(...accuracyFigure(status));
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

/** @param {RunStatus} status */
function leadText({ facts, labels, rank, modules }) {
  const { model, method, ranks, seats, perRound, quorum, deadlineSeconds } = facts;
  return `${model}, ${method}, ranks ${ranks} of ${rank} on ${
    countedText(modules.length, "module")
  }; ` +
    `${countedText(labels, "label")}. ${countedText(seats, "seat")}; a round aims for ` +
    `${countedText(perRound, "update")}, needs ${quorum} and takes at most ${
      durationText(deadlineSeconds)
    }.`;
}

/** @param {RunStatus} status @returns {[string, string]} */
function roundFigure({ current, rounds, roundsDone, retries }) {
  const retried = retries === 0
    ? ""
    : `, ${retries === 1 ? "1 retry" : `${retries} retries`} so far`;
  if (current === null) {
    return [`${roundsDone} of ${rounds}`, roundsDone === 0 ? "not started" : `done${retried}`];
  }
  const attempt = current.attempt === 0 ? "" : `, attempt ${current.attempt + 1}`;
  return [`${current.round + 1} of ${rounds}`, current.state + (attempt || retried)];
}

/** @param {RunStatus} status @param {number} now @returns {[string, string]} */
function timeLeft({ current }, now) {
  if (current === null) return ["–", "no round is open"];
  if (current.state === "aggregating") return ["–", "being aggregated"];
  const left = current.deadline - now;
  return [
    countdownText(left),
    left > 0 ? `until ${timeText(current.deadline)}` : "deadline is over",
  ];
}

/** @param {RunStatus} status @returns {[string, string]} */
function updatesFigure({ current, facts }) {
  if (current === null) return ["–", `quorum ${facts.quorum}`];
  const { received, sampled } = current;
  const wanted = Math.min(facts.perRound, sampled.length);
  return [`${received.length} of ${wanted}`, `quorum ${facts.quorum}, ${sampled.length} sampled`];
}

/** @param {RunStatus} status @returns {[string, string]} */
function accuracyFigure({ published }) {
  const { by, scores } = mainScores(published);
  const latest = scores.at(-1);
  if (latest === undefined) return ["–", "nobody has reported yet"];
  const best = bestScore(scores);
  return [
    percentText(latest.score.accuracy),
    best.round === latest.round
      ? `best so far, by the ${by}`
      : `best ${percentText(best.score.accuracy)}, round ${best.round}`,
  ];
}

/** @param {RunStatus} status @param {"upBytes" | "downBytes"} key @returns {[string, string]} */
function bytesFigure({ published }, key) {
  /** @param {"total" | "lora"} part */
  const sum = (part) => published.reduce((total, { [key]: bytes }) => total + bytes[part], 0);
  return [bytesText(sum("total")), `LoRA ${bytesText(sum("lora"))}`];
}
