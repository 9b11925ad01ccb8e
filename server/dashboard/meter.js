// @ts-check
/// <reference lib="dom" />
/**
 * A small bar for a share whose number stands beside it.
 *
 * @module
 */

import { h } from "./dom.js";

/** @returns {{ element: HTMLElement, update(share: number): void }} */
export function createMeter() {
  const bar = h("i");
  return {
    element: h("span", { class: "meter", "aria-hidden": "true" }, bar),
    update(share) {
      bar.style.width = `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
    },
  };
}
