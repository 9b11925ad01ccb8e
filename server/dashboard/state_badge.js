// @ts-check
/// <reference lib="dom" />
/**
 * A run's state, as a word with a dot of its colour.
 *
 * @module
 */

import { h, setText } from "./dom.js";

/** @returns {{ element: HTMLElement, update(state: import("../../src/protocol/http/documents.ts").RunState): void }} */
export function createStateBadge() {
  const element = h("span", { class: "badge" });
  return {
    element,
    update(state) {
      element.dataset.state = state;
      setText(element, state);
    },
  };
}
