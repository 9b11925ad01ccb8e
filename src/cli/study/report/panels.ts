/**
 * Small charts side by side with common axes, one a method.
 *
 * @module
 */

import { axes, element, label, linearScale, niceTicks, spread } from "../../report/svg.ts";
import { type Curve, curveMarkup } from "./curve_chart.ts";
import type { Figure } from "./figure.ts";

/** A small chart. */
export interface Panel {
  readonly title: string;
  /** Drawn in order. */
  readonly curves: readonly Curve[];
  /** Names of curves to write at their ends. */
  readonly named?: readonly string[];
}

/** What all the charts share. */
export interface PanelAxes {
  readonly columns: number;
  readonly x: string;
  readonly format: (value: number) => string;
  /** Curves that stand behind those of every chart. */
  readonly behind?: readonly Curve[];
}

const width = 1060;
const gap = 22;

/** Draws the charts, from zero to the highest value of all. */
export function panelGrid(
  name: string,
  panels: readonly Panel[],
  { columns, x: title, format, behind = [] }: PanelAxes,
): Figure {
  const cellWidth = (width - gap * (columns - 1)) / columns;
  const cellHeight = Math.round(cellWidth * 0.66) + 30;
  const points = panels.flatMap(({ curves }) => curves.flatMap((curve) => curve.points));
  const last = Math.max(...points.map(({ x }) => x));
  const first = Math.min(...points.map(({ x }) => x));
  const yTicks = niceTicks(0, Math.max(...points.map(({ y }) => y)), 4);
  const xTicks = niceTicks(first, Math.max(last, first + 1), 4, 1)
    .filter((tick) => tick >= first && tick <= last);
  const named = panels.some((panel) => panel.named !== undefined) ? 46 : 6;
  // Drawn in the first chart, and repeated in the others.
  const shared = `behind ${name}`.replaceAll(/[^a-z\d]+/gi, "-");
  const content = panels.map((panel, index) => {
    const left = (index % columns) * (cellWidth + gap);
    const top = Math.floor(index / columns) * (cellHeight + gap);
    const frame = {
      left: left + 38,
      right: left + cellWidth - named,
      top: top + 26,
      bottom: top + cellHeight - 34,
    };
    const x = linearScale([first, Math.max(last, first + 1)], [frame.left + 4, frame.right]);
    const y = linearScale([0, yTicks[yTicks.length - 1]], [frame.bottom, frame.top]);
    const ends = panel.curves.filter((curve) =>
      panel.named?.includes(curve.name) && curve.points.length > 0
    );
    const heights = spread(
      ends.map((curve) => y(curve.points[curve.points.length - 1].y)),
      13,
      frame.top,
      frame.bottom,
    );
    return element(
      "g",
      {},
      label(left + 2, top + 14, panel.title, { class: "block-title" }),
      axes(frame, { scale: x, ticks: xTicks, format: String, title }, {
        scale: y,
        ticks: yTicks,
        format,
      }),
      index === 0
        ? element("g", { id: shared }, ...behind.map((curve) => curveMarkup(curve, x, y)))
        : behind.length > 0
        ? element("use", { href: `#${shared}`, x: left, y: top })
        : "",
      ...panel.curves.filter((curve) => curve.points.length > 0)
        .map((curve) => curveMarkup(curve, x, y)),
      ...ends.map((curve, place) =>
        label(frame.right + 6, heights[place] + 4, curve.name, { class: "tick" })
      ),
    );
  });
  const lines = Math.ceil(panels.length / columns);
  return {
    name,
    width,
    height: lines * (cellHeight + gap) - gap + 4,
    content: content.join(""),
  };
}
