// @ts-check
/// <reference lib="dom" />
/**
 * Two maps of the same modules side by side: how important each component is, and how many trained it.
 *
 * @module
 */

/** @typedef {import("./heat_data.js").Cell} Cell */
/** @typedef {import("./heat_data.js").ModuleBlock} ModuleBlock */
/** @typedef {import("./heat_drawing.js").Place} Place */

import { h } from "./dom.js";
import { drawHeat } from "./heat_drawing.js";

/**
 * The maps of one block. The arrow keys move over the components; the tip tells the one under them or under the pointer.
 *
 * @param {ModuleBlock} block
 * @param {(text: string) => void} announce
 */
export function createHeatMap(block, announce) {
  const tip = h("div", { class: "tip", hidden: true });
  const drawing = h("div", {
    class: "heat",
    tabindex: 0,
    role: "group",
    "aria-label": `Components of ${block.title}: the arrow keys read them out`,
  });
  const element = h("figure", {}, h("figcaption", {}, block.title), drawing, tip);
  /** @type {readonly (readonly Cell[])[]} */
  let rows = [];
  /** @type {import("./heat_drawing.js").HeatDrawing | undefined} */
  let picture;
  /** @type {Place | null} */
  let active = null;

  /** @param {Place | null} next */
  const mark = (next) => {
    /** @param {Place | null} place */
    const rectsAt = (place) => place && picture ? picture.rects[place[0]][place[1]] : [];
    rectsAt(active).forEach((rect) => rect.classList.remove("active"));
    active = next;
    tip.hidden = active === null;
    if (active === null) return;
    const rects = rectsAt(active);
    rects.forEach((rect) => rect.classList.add("active"));
    tip.textContent = rows[active[0]][active[1]].text;
    const at = rects[0].getBoundingClientRect();
    const frame = element.getBoundingClientRect();
    const rightmost = Math.max(0, frame.width - tip.offsetWidth);
    tip.style.left = `${Math.min(rightmost, at.left - frame.left)}px`;
    tip.style.top = `${at.bottom - frame.top + 6}px`;
  };
  drawing.addEventListener("pointermove", ({ target }) => {
    const place = target && picture?.places.get(target);
    if (place) mark(place);
  });
  drawing.addEventListener("pointerleave", () => mark(null));
  drawing.addEventListener("blur", () => mark(null));
  drawing.addEventListener("keydown", (event) => {
    const step =
      { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (step === undefined || rows.length === 0) return;
    event.preventDefault();
    const [row, component] = active ? [active[0] + step[0], active[1] + step[1]] : [0, 0];
    const place = Math.min(rows.length - 1, Math.max(0, row));
    mark([place, Math.min(rows[place].length - 1, Math.max(0, component))]);
    announce(tip.textContent ?? "");
  });
  return {
    element,
    /** @param {readonly (readonly Cell[])[]} cells of all modules */
    update(cells) {
      const kept = active;
      active = null;
      rows = block.rows.map(({ module }) => cells[module]);
      picture = drawHeat(block, rows);
      drawing.replaceChildren(picture.element);
      mark(kept);
    },
  };
}
