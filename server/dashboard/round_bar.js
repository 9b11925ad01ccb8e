// @ts-check
/// <reference lib="dom" />
/**
 * The sampled clients of the round in progress as one bar: whose update is in, who trains and how far, who has not begun.
 *
 * @module
 */

/** @typedef {import("../../src/protocol/http/documents.ts").RunStatus} RunStatus */

import { h, keyedChildren, setText } from "./dom.js";

/** @typedef {{ readonly client: number, readonly share: number, readonly isIn: boolean }} Part */

/**
 * The sampled clients, the furthest first.
 *
 * @param {Pick<RunStatus, "current" | "seats">} status
 * @returns {Part[]}
 */
export function roundParts({ current, seats }) {
  if (current === null) return [];
  const received = new Set(current.received);
  const progress = new Map(seats.map((seat) => [seat.client, seat.progress]));
  return current.sampled.map((client) => {
    const steps = progress.get(client);
    const isIn = received.has(client);
    const counts = steps && steps.round === current.round && steps.attempt === current.attempt;
    return { client, isIn, share: isIn ? 1 : counts ? steps.step / Math.max(1, steps.steps) : 0 };
  }).sort((one, other) => Number(other.isIn) - Number(one.isIn) || other.share - one.share);
}

/** @returns {{ element: HTMLElement, update(status: RunStatus): void }} */
export function createRoundBar() {
  const bar = h("div", { class: "segments", "aria-hidden": "true" });
  const showParts = keyedChildren(bar, (/** @type {Part} */ { client }) => client, createSegment);
  const quorum = h("i", { class: "quorum", "aria-hidden": "true" });
  const text = h("p", { class: "soft" });
  const element = h("div", { class: "round-bar" }, h("div", { class: "track" }, bar, quorum), text);
  return {
    element,
    update(status) {
      const parts = roundParts(status);
      element.hidden = parts.length === 0;
      showParts(parts);
      quorum.style.left = `${100 * Math.min(1, status.facts.quorum / Math.max(1, parts.length))}%`;
      setText(text, roundText(parts, status.facts.quorum));
    },
  };
}

/**
 * @param {readonly Part[]} parts
 * @param {number} quorum
 */
function roundText(parts, quorum) {
  const received = parts.filter(({ isIn }) => isIn).length;
  const training = parts.filter(({ isIn, share }) => !isIn && share > 0).length;
  const missing = quorum - received;
  return `${received} received, ${training} training, ${
    parts.length - received - training
  } not started; ` +
    (missing > 0
      ? `${missing} more for the quorum (the mark).`
      : "the quorum (the mark) is reached.");
}

function createSegment() {
  const fill = h("i");
  const element = h("span", {}, fill);
  return {
    element,
    /** @param {Part} part */
    update({ isIn, share }) {
      element.className = isIn ? "in" : "";
      fill.style.width = `${(100 * share).toFixed(1)}%`;
    },
  };
}
