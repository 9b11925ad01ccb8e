// @ts-check
/**
 * What a run's evaluations say.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */
/** @typedef {import("../../src/protocol/http/documents.ts").RoundStatus} RoundStatus */
/** @typedef {import("../../src/protocol/http/documents.ts").Score} Score */

/**
 * @typedef {object} RoundScore
 * @property {number} round
 * @property {Score} score
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
 * The earliest of the rounds with the highest accuracy.
 *
 * @param {readonly RoundScore[]} scores at least one
 */
export function bestScore(scores) {
  return scores.reduce((best, next) => next.score.accuracy > best.score.accuracy ? next : best);
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
