// @ts-check
/**
 * What a screen reader tells of a change.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */

import { capitalized, figureText, mainScores, measureOf } from "./scores.js";

/**
 * The most important difference between two statuses of a run as a sentence; undefined when none is worth one.
 *
 * @param {RunStatus} before
 * @param {RunStatus} after
 * @returns {string | undefined}
 */
export function newsOf(before, after) {
  if (before.state !== after.state) return `The run is ${after.state}.`;
  if (before.roundsDone !== after.roundsDone) {
    return `Round ${after.roundsDone} of ${after.rounds} is published.`;
  }
  const whole = wholeScore(after);
  if (whole && whole.round !== wholeScore(before)?.round) {
    const measure = capitalized(measureOf(after.task));
    return `${measure} after round ${whole.round}: ${figureText(whole.score)}.`;
  }
  if (before.retries < after.retries && after.current) {
    return `Round ${after.current.round + 1} missed its quorum; attempt ${
      after.current.attempt + 1
    } is open.`;
  }
}

/**
 * The latest score, once it is no longer that of the first few clients.
 *
 * @param {RunStatus} status
 */
function wholeScore({ published }) {
  const { by, scores } = mainScores(published);
  return scores.findLast(({ score, contributors }) =>
    by === "evaluators" || score.parties >= contributors
  );
}
