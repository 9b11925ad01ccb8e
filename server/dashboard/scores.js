// @ts-check
/**
 * What a run's evaluations say.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */
/** @typedef {import("../../src/protocol/http/documents.ts").RoundStatus} RoundStatus */
/** @typedef {import("../../src/protocol/http/documents.ts").AnyScore} AnyScore */

import { percentText, perplexityText } from "./format.js";

/**
 * What a run's models are measured by.
 *
 * @param {RunStatus["task"]} task
 * @returns {"accuracy" | "perplexity"}
 */
export function measureOf(task) {
  return task === "classify" ? "accuracy" : "perplexity";
}

/**
 * A name at the head of something.
 *
 * @param {string} name
 */
export function capitalized(name) {
  return name[0].toUpperCase() + name.slice(1);
}

/**
 * The measure of a score: "21.5 %", or a language model's perplexity.
 *
 * @param {AnyScore} score
 */
export function figureText(score) {
  return "tokens" in score ? perplexityText(score.perplexity) : percentText(score.accuracy);
}

/**
 * @typedef {object} RoundScore
 * @property {number} round
 * @property {AnyScore} score
 * @property {number} contributors clients that trained the round, and will most likely score it
 */

/**
 * Rounds somebody scored, ascending: by the clients' held-out rows, or where no client ever reports by the evaluators.
 *
 * @param {readonly RoundStatus[]} published
 * @returns {{ readonly by: "clients" | "evaluators", readonly scores: readonly RoundScore[] }}
 */
export function mainScores(published) {
  const heldOut = scoresOf(published, "heldOut");
  return heldOut.length > 0
    ? { by: "clients", scores: heldOut }
    : { by: "evaluators", scores: scoresOf(published, "evaluators") };
}

/**
 * The earliest of the rounds with the highest accuracy, or of a language model with the lowest loss.
 *
 * @param {readonly RoundScore[]} scores at least one
 */
export function bestScore(scores) {
  return scores.reduce((best, next) => merit(next) > merit(best) ? next : best);
}

/** @param {RoundScore} scored more is better */
function merit({ score }) {
  return "tokens" in score ? -score.loss : score.accuracy;
}

/**
 * @param {readonly RoundStatus[]} published
 * @param {"heldOut" | "evaluators"} key
 * @returns {RoundScore[]}
 */
function scoresOf(published, key) {
  return published.flatMap(({ round, contributors, [key]: score }) =>
    score === null ? [] : [{ round, score, contributors: contributors.length }]
  );
}
