/**
 * Curves of many methods in one chart, named at their ends.
 *
 * @module
 */

import type { CurvePoint } from "../../../study/curves.ts";
import {
  axes,
  element,
  type Frame,
  label,
  levelLine,
  linearScale,
  type LineAxis,
  lineAxis,
  niceTicks,
  type Scale,
  spread,
  tooltip,
  type ValueAxis,
} from "../../report/svg.ts";
import type { Figure } from "./figure.ts";
import type { Look } from "./method_look.ts";

/** One method's curve. */
export interface Curve {
  readonly name: string;
  readonly look: Look;
  readonly points: readonly CurvePoint[];
  /** Shown when it is pointed at. */
  readonly told: string;
}

/** What a chart shows. */
export interface CurveChart {
  readonly name: string;
  readonly curves: readonly Curve[];
  readonly x: LineAxis;
  readonly y: ValueAxis;
  /** Levels to compare with, across the chart; those far above all curves are told of above it instead of squeezing them. */
  readonly levels?: readonly Level[];
}

/** A level to compare with, and what stands at it. */
export interface Level {
  readonly text: string;
  readonly y: number;
}

/** As wide as the page's column, lower, or half as wide. */
export type ChartSize = "wide" | "low" | "half";

const sizes = {
  wide: { width: 1060, height: 450, ticks: [10, 7], nameOthers: true },
  low: { width: 1060, height: 240, ticks: [10, 4], nameOthers: true },
  half: { width: 520, height: 330, ticks: [5, 5], nameOthers: false },
} as const;

/** About how wide a letter is, on average. */
const letter = 6.8;
/** From the end of the curves to their names. */
const leaderWidth = 34;

/** Draws the chart. A band is one standard error to either side; the grey ones have none, so that they stay behind. */
export function curveChart(chart: CurveChart, size: ChartSize): Figure {
  const { width, height, ticks, nameOthers } = sizes[size];
  const drawn = chart.curves.filter(({ points }) => points.length > 0);
  const named = drawn.filter(({ look }) => nameOthers || look.core);
  const longest = Math.max(0, ...named.map((curve) => endText(curve, chart).length));
  const points = drawn.flatMap((curve) => curve.points);
  const ys = points.flatMap(({ y, error = 0 }) => [y - error, y + error]);
  const most = Math.max(...ys);
  const levels = (chart.levels ?? []).filter(({ y }) => y <= most * 1.35);
  const above = (chart.levels ?? []).filter((level) => !levels.includes(level));
  const frame: Frame = {
    left: 46,
    right: Math.round(width - leaderWidth - longest * letter),
    top: 12 + 18 * above.length,
    bottom: height - 46,
  };
  const low = Math.min(...ys);
  const yTicks = niceTicks(
    chart.y.fromZero ? Math.min(0, low) : low,
    Math.max(most, ...levels.map(({ y }) => y)),
    ticks[1],
  );
  const y = linearScale([yTicks[0], yTicks[yTicks.length - 1]], [frame.bottom, frame.top]);
  const x = lineAxis(chart.x, points.map((point) => point.x), frame, ticks[0]);
  const content = [
    axes(frame, x, { ...chart.y, scale: y, ticks: yTicks }),
    ...above.map(({ text }, index) =>
      label(frame.left, 12 + 18 * index, `↑ ${text}`, { class: "note" })
    ),
    ...levels.map((level) => levelLine(y(level.y), frame)),
    ...stacked(drawn).map((curve) => curveMarkup(curve, x.scale, y)),
    ...levels.map((level) => levelText(level, points, frame, x.scale, y)),
    endNames(named, chart, frame, x.scale, y, height),
  ];
  return { name: chart.name, width, height, content: content.join("") };
}

/** Curves in the order they are drawn in: the grey ones lie at the bottom, and the first of the others on top. */
function stacked(curves: readonly Curve[]): Curve[] {
  return [
    ...curves.filter(({ look }) => !look.core),
    ...curves.filter(({ look }) => look.core).reverse(),
  ];
}

/** A curve with its band, and its tooltip. */
export function curveMarkup({ look, points, told }: Curve, x: Scale, y: Scale): string {
  const banded = look.core ? points.filter(({ error }) => error !== undefined) : [];
  const edge = (sign: 1 | -1): string[] =>
    banded.map((point) => position(x(point.x), y(point.y + sign * point.error!)));
  const band = banded.length > 1
    ? element("path", {
      class: "band",
      style: `fill: ${look.color}`,
      d: `M${[...edge(1), ...edge(-1).reverse()].join("L")}Z`,
    })
    : "";
  const line = points.length === 1
    ? element("circle", {
      cx: x(points[0].x),
      cy: y(points[0].y),
      r: 4,
      style: `fill: ${look.color}`,
    })
    : element("path", {
      class: look.dashed ? "line dashed" : "line",
      style: `stroke: ${look.color}; stroke-width: ${look.core ? 2.25 : 1.5}`,
      d: `M${points.map((point) => position(x(point.x), y(point.y))).join("L")}`,
    });
  return element("g", { class: "curve" }, band, line, tooltip(told));
}

/** A level's text on its line, where the curves leave the most room for it. */
function levelText(
  { text, y: at }: Level,
  points: readonly CurvePoint[],
  frame: Frame,
  x: Scale,
  y: Scale,
): string {
  const length = text.length * letter;
  const baseline = y(at) - 5;
  const room = (left: number): number =>
    Math.min(
      ...points.filter((point) => x(point.x) > left - 8 && x(point.x) < left + length + 8)
        .map((point) => Math.abs(y(point.y) - baseline + 4)),
    );
  const places = [0, 0.25, 0.5, 0.75, 1]
    .map((share) => frame.left + 10 + share * (frame.right - frame.left - 20 - length));
  const best = places.reduce((one, other) => room(other) > room(one) ? other : one);
  return label(best, baseline, text, { class: "tick haloed" });
}

/** Names with the last values, right of the chart; a thin line leads from each curve's end to its name. */
function endNames(
  curves: readonly Curve[],
  chart: CurveChart,
  frame: Frame,
  x: Scale,
  y: Scale,
  height: number,
): string {
  const ends = curves.map(({ points }) => points[points.length - 1]);
  const gap = Math.min(17, (height - 16) / Math.max(1, curves.length));
  const heights = spread(ends.map((end) => y(end.y)), gap, 10, height - 6);
  const column = frame.right + leaderWidth;
  return curves.map((curve, index) => {
    const { look } = curve;
    const end = { x: x(ends[index].x), y: y(ends[index].y) };
    const at = heights[index];
    const leader = element("path", {
      // Across the chart it must not be taken for data.
      class: frame.right - end.x > 12 ? "leader far" : "leader",
      style: `stroke: ${look.color}`,
      d: `M${position(end.x + 3, end.y)}L${position(frame.right + 6, end.y)}L${
        position(column - 8, at)
      }L${position(column - 3, at)}`,
    });
    const text = endText(curve, chart);
    return leader + label(column, at + 4, text, { class: look.core ? "name" : "name other" });
  }).join("");
}

function endText({ name, points }: Curve, chart: CurveChart): string {
  return `${name} ${chart.y.precise(points[points.length - 1].y)}`;
}

function position(x: number, y: number): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
