/**
 * Paired effects with their intervals, a method a row and a metric a panel.
 *
 * @module
 */

import { type Comparison, noEffect } from "../../../study/comparison.ts";
import { comparisonText, effectText } from "../../../study/effect_text.ts";
import { median } from "../../../study/statistics.ts";
import { element, label, linearScale, niceTicks, type Scale, tooltip } from "../../report/svg.ts";
import type { Figure } from "./figure.ts";
import type { Look } from "./method_look.ts";

/** A row of the plot. */
export interface ForestRow {
  readonly name: string;
  readonly look: Look;
  /** One a panel. */
  readonly comparisons: readonly Comparison[];
}

/** A panel: a metric. */
export interface ForestPanel {
  readonly title: string;
  readonly scale: Comparison["scale"];
  /** What lies left and right of no effect. */
  readonly sides: readonly [string, string];
}

const width = 1060;
const namesWidth = 190;
const gap = 34;
/** Half of the last tick's text reaches into it. */
const margin = 14;
const rowHeight = 25;
const top = 46;

/** Draws the plot; at least one panel. Ends of an interval far beyond the others' are cut, with an arrow. */
export function forestPlot(
  name: string,
  panels: readonly ForestPanel[],
  rows: readonly ForestRow[],
): Figure {
  const bottom = top + rows.length * rowHeight;
  const panelWidth = (width - margin - namesWidth - gap * (panels.length - 1)) / panels.length;
  const names = rows.map(({ name }, row) =>
    label(namesWidth - 20, rowMiddle(row) + 4, name, { class: "name", "text-anchor": "end" })
  );
  const drawn = panels.map((panel, index) => {
    const left = namesWidth + index * (panelWidth + gap);
    return panelMarkup(panel, index, rows, left, left + panelWidth, bottom);
  });
  return { name, width, height: bottom + 44, content: [...names, ...drawn].join("") };
}

function rowMiddle(row: number): number {
  return top + (row + 0.5) * rowHeight;
}

function panelMarkup(
  { title, scale, sides }: ForestPanel,
  index: number,
  rows: readonly ForestRow[],
  left: number,
  right: number,
  bottom: number,
): string {
  const axis = axisOf(scale, rows.map((row) => row.comparisons[index]));
  const x = linearScale([axis.from, axis.most], [left + 8, right - 8]);
  const none = x(onAxis(scale)(noEffect(scale)));
  const grid = axis.ticks.map((tick) =>
    element("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top - 4, y2: bottom }) +
    label(x(tick), bottom + 17, tickText(scale, tick), {
      class: "tick",
      "text-anchor": "middle",
    })
  );
  const marks = rows.map((row, place) =>
    rowMarkup(row, row.comparisons[index], { axis, x, left, right, y: rowMiddle(place) })
  );
  return element(
    "g",
    {},
    label(left + 8, 14, title, { class: "block-title" }),
    label(left + 8, 32, `← ${sides[0]}`, { class: "tick" }),
    label(right - 8, 32, `${sides[1]} →`, { class: "tick", "text-anchor": "end" }),
    ...grid,
    element("line", { class: "none", x1: none, x2: none, y1: top - 4, y2: bottom }),
    element("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    ...marks,
  );
}

/** Where a row of a panel is drawn. */
interface RowFrame {
  readonly axis: EffectAxis;
  readonly x: Scale;
  readonly left: number;
  readonly right: number;
  /** Its middle. */
  readonly y: number;
}

function rowMarkup(
  { name, look }: ForestRow,
  comparison: Comparison,
  { axis: { from, most }, x, left, right, y }: RowFrame,
): string {
  const { scale, mean, interval, pairs } = comparison;
  if (mean === undefined) {
    return label((left + right) / 2, y + 4, "nothing to compare", {
      class: "tick",
      "text-anchor": "middle",
    });
  }
  const to = onAxis(scale);
  // A grey that names nothing would be too pale for a mark.
  const color = look.core ? look.color : "var(--faint)";
  const style = interval === undefined
    ? `fill: var(--card); stroke: ${color}; stroke-width: 2`
    : `fill: ${color}`;
  const whisker = interval === undefined
    ? ""
    : whiskerMarkup([to(interval[0]), to(interval[1])], [from, most], x, y, color);
  return element(
    "g",
    { class: "curve" },
    whisker,
    markMarkup(comparison, x(Math.min(most, Math.max(from, to(mean)))), y, style),
    element("rect", {
      class: "reach",
      x: left,
      y: y - rowHeight / 2,
      width: right - left,
      height: rowHeight,
    }),
    tooltip(`${name}: ${comparisonText(comparison)}, n = ${pairs.length}`),
  );
}

/** Ratios lie on a logarithmic axis. */
function onAxis(scale: Comparison["scale"]): (effect: number) => number {
  return scale === "ratio" ? Math.log2 : (effect) => effect;
}

/** A circle; of a mean that is a bound a triangle that points to where the true one lies. */
function markMarkup({ pairs }: Comparison, x: number, y: number, style: string): string {
  const bounds = new Set(pairs.map(({ bound }) => bound));
  const [least, most] = [bounds.has("at least"), bounds.has("at most")];
  if (least === most) return element("circle", { cx: x, cy: y, r: 4.5, style });
  const sign = least ? 1 : -1;
  const back = (x - 4 * sign).toFixed(1);
  return element("path", {
    d: `M${back} ${y - 5.5}L${(x + 6 * sign).toFixed(1)} ${y}L${back} ${y + 5.5}Z`,
    style,
  });
}

/** Ratios on their logarithmic axis as 1/4, 1/2, 1, 2, 4. */
function tickText(scale: Comparison["scale"], tick: number): string {
  if (scale === "difference" || !Number.isInteger(tick)) {
    return effectText(scale, scale === "ratio" ? 2 ** tick : tick);
  }
  return tick < 0 ? `1/${2 ** -tick}` : String(2 ** tick);
}

function whiskerMarkup(
  [low, high]: readonly [number, number],
  [from, most]: readonly [number, number],
  x: Scale,
  y: number,
  color: string,
): string {
  const ends = [Math.max(low, from), Math.min(high, most)].map(x);
  const arrow = (end: number, sign: 1 | -1): string =>
    element("path", {
      d: `M${end - sign * 6} ${y - 4.5}L${end} ${y}L${end - sign * 6} ${y + 4.5}Z`,
      style: `fill: ${color}`,
    });
  return element("line", {
    class: "whisker",
    x1: ends[0],
    x2: ends[1],
    y1: y,
    y2: y,
    style: `stroke: ${color}`,
  }) + (low < from ? arrow(ends[0], -1) : "") + (high > most ? arrow(ends[1], 1) : "");
}

/** An axis of effects, on its own scale. */
interface EffectAxis {
  readonly ticks: readonly number[];
  readonly from: number;
  readonly most: number;
}

/** An axis over all means, no effect among them, and the intervals as far as they are not much wider than most. */
function axisOf(
  scale: Comparison["scale"],
  comparisons: readonly Comparison[],
): EffectAxis {
  const to = onAxis(scale);
  const known = comparisons.filter(({ mean }) => mean !== undefined);
  const half = known.flatMap(({ interval }) =>
    interval === undefined ? [] : [(to(interval[1]) - to(interval[0])) / 2]
  );
  const reach = half.length === 0 ? 0 : 4 * median(half);
  const ends = known.flatMap(({ mean, interval }) => {
    const centre = to(mean!);
    if (interval === undefined) return [centre];
    return [
      Math.max(to(interval[0]), centre - reach),
      Math.min(to(interval[1]), centre + reach),
    ];
  });
  const none = to(noEffect(scale));
  // Without any width the axis would have none: a point of accuracy, or a factor of two.
  const room = scale === "ratio" ? 1 : 0.01;
  const from = Math.min(none, ...ends);
  const most = Math.max(none, ...ends);
  const ticks = most - from < room / 2
    ? niceTicks(none - room, none + room, 4)
    : niceTicks(from, most, 4, scale === "ratio" && most - from > 2 ? 1 : 0);
  return { ticks, from: ticks[0], most: ticks[ticks.length - 1] };
}
