// @ts-check
/**
 * The figures at the head of a run's page: a value, and what to know about it.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */

import { bytesText, countdownText, countedText, durationText, timeText } from "./format.js";
import { bestScore, figureText, mainScores } from "./scores.js";

/** @param {RunStatus} status */
export function leadText({ facts, task, labels, rank, modules }) {
  const { model, method, ranks, seats, perRound, quorum, deadlineSeconds } = facts;
  return `${model}; ${method}; rank ${rank} on ${countedText(modules.length, "module")}, ` +
    `clients' ranks ${ranks}; ${taskText(task, labels)}. ` +
    `${countedText(seats, "seat")}; a round aims for ` +
    `${countedText(perRound, "update")}, needs ${quorum} and takes at most ${
      durationText(deadlineSeconds)
    }.`;
}

/**
 * @param {RunStatus["task"]} task
 * @param {number} labels
 */
function taskText(task, labels) {
  if (task === "classify") return countedText(labels, "label");
  return task === "lm" ? "a language model of texts" : "a language model of conversations";
}

/** @param {RunStatus} status @returns {[string, string]} */
export function roundFigure({ current, rounds, roundsDone, retries }) {
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
export function timeLeft({ current }, now) {
  if (current === null) return ["–", "no round is open"];
  if (current.state === "aggregating") return ["–", "being aggregated"];
  const left = current.deadline - now;
  return [
    countdownText(left),
    left > 0 ? `until ${timeText(current.deadline)}` : "deadline is over",
  ];
}

/** @param {RunStatus} status @returns {[string, string]} */
export function updatesFigure({ current, facts }) {
  if (current === null) return ["–", `quorum ${facts.quorum}`];
  const { received, sampled } = current;
  const wanted = Math.min(facts.perRound, sampled.length);
  return [`${received.length} of ${wanted}`, `quorum ${facts.quorum}, ${sampled.length} sampled`];
}

/** @param {RunStatus} status @returns {[string, string]} */
export function scoreFigure({ published }) {
  const { by, scores } = mainScores(published);
  const latest = scores.at(-1);
  if (latest === undefined) return ["–", "nobody has reported yet"];
  const { parties } = latest.score;
  const best = bestScore(scores);
  return [
    figureText(latest.score),
    by === "clients" && parties < latest.contributors
      ? `by ${parties} of ${latest.contributors} clients yet`
      : best.round === latest.round
      ? `best so far, by the ${by}`
      : `best ${figureText(best.score)}, round ${best.round}`,
  ];
}

/** @param {RunStatus} status @param {"upBytes" | "downBytes"} key @returns {[string, string]} */
export function bytesFigure({ published }, key) {
  /** @param {"total" | "lora"} part */
  const sum = (part) => published.reduce((total, { [key]: bytes }) => total + bytes[part], 0);
  return [bytesText(sum("total")), `LoRA ${bytesText(sum("lora"))}`];
}
