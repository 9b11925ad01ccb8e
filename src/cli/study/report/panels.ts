/**
 * Small charts side by side with common axes, one a method.
 *
 * @module
 */

import {
  axes,
  element,
  type Frame,
  label,
  linearScale,
  niceTicks,
  type Scale,
  spread,
} from "../../report/svg.ts";
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
  const first = Math.min(...points.map(({ x }) => x));
  const last = Math.max(...points.map(({ x }) => x));
  const range: Range = [first, Math.max(last, first + 1)];
  const yTicks = niceTicks(0, Math.max(...points.map(({ y }) => y)), 4);
  const xTicks = niceTicks(...range, 4, 1).filter((tick) => tick >= first && tick <= last);
  const namesWidth = panels.some((panel) => panel.named !== undefined) ? 46 : 6;
  // Drawn in the first chart, and repeated in the others.
  const shared = `behind ${name}`.replaceAll(/[^a-z\d]+/gi, "-");
  const content = panels.map((panel, index) => {
    const left = (index % columns) * (cellWidth + gap);
    const top = Math.floor(index / columns) * (cellHeight + gap);
    const frame = {
      left: left + 38,
      right: left + cellWidth - namesWidth,
      top: top + 26,
      bottom: top + cellHeight - 34,
    };
    const x = linearScale(range, [frame.left + 4, frame.right]);
    const y = linearScale([0, yTicks[yTicks.length - 1]], [frame.bottom, frame.top]);
    const xAxis = { scale: x, ticks: xTicks, format: String, title };
    const backdrop = index === 0
      ? element("g", { id: shared }, ...behind.map((curve) => curveMarkup(curve, x, y)))
      : behind.length > 0
      ? element("use", { href: `#${shared}`, x: left, y: top })
      : "";
    return element(
      "g",
      {},
      label(left + 2, top + 14, panel.title, { class: "block-title" }),
      axes(frame, xAxis, { scale: y, ticks: yTicks, format }),
      backdrop,
      panelMarkup(panel, frame, x, y),
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

type Range = readonly [number, number];

/** The curves of a chart, and the names at their ends. */
function panelMarkup({ curves, named = [] }: Panel, frame: Frame, x: Scale, y: Scale): string {
  const drawn = curves.filter(({ points }) => points.length > 0);
  const ends = drawn.filter((curve) => named.includes(curve.name));
  const heights = spread(
    ends.map(({ points }) => y(points[points.length - 1].y)),
    13,
    frame.top,
    frame.bottom,
  );
  return [
    ...drawn.map((curve) => curveMarkup(curve, x, y)),
    ...ends.map(({ name }, place) =>
      label(frame.right + 6, heights[place] + 4, name, { class: "tick" })
    ),
  ].join("");
}
