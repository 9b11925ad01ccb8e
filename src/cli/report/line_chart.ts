import {
  axes,
  element,
  escapeText,
  type Frame,
  label,
  levelLine,
  linearScale,
  type LineAxis,
  lineAxis,
  niceTicks,
  picture,
  type Scale,
  spread,
  tooltip,
  type ValueAxis,
} from "./svg.ts";

/** A point of a line and what its tooltip says. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly told: string;
}

/** One line of a chart. */
export interface Series {
  readonly name: string;
  /** Any CSS color. */
  readonly color: string;
  readonly points: readonly Point[];
  /** Stroke width; lines that may coincide get different ones, the widest first. */
  readonly width?: number;
  readonly dashed?: boolean;
}

/** What a line chart shows. */
export interface LineChart {
  readonly name: string;
  readonly series: readonly Series[];
  readonly x: LineAxis;
  readonly y: ValueAxis;
  /** A level to compare with, dashed across the chart. */
  readonly level?: { readonly name: string; readonly y: number };
  /** A point to point out. */
  readonly mark?: { readonly x: number; readonly y: number; readonly text: string };
}

const width = 520;
const height = 290;
const frame: Frame = { left: 46, right: 462, top: 30, bottom: 244 };

/** A line chart as markup: legend and picture. */
export function lineChart(chart: LineChart): string {
  const points = chart.series.flatMap((series) => series.points);
  const ys = points.map((point) => point.y).concat(chart.level ? [chart.level.y] : []);
  const yTicks = niceTicks(chart.y.fromZero ? 0 : Math.min(...ys), Math.max(...ys), 5);
  const xAxis = lineAxis(chart.x, points.map((point) => point.x), frame, 6);
  const x = xAxis.scale;
  const y = linearScale([yTicks[0], yTicks[yTicks.length - 1]], [frame.bottom, frame.top]);

  const level = chart.level
    ? levelLine(y(chart.level.y), frame) +
      label(frame.right + 6, y(chart.level.y) + 4, chart.level.name, { class: "note" })
    : "";
  const drawn = chart.series.filter((series) => series.points.length > 0);
  return legend(drawn) + picture(
    width,
    height,
    chart.name,
    axes(frame, xAxis, { ...chart.y, scale: y, ticks: yTicks }),
    level,
    ...drawn.map((series) => line(series, x, y)),
    mark(chart, x, y),
    endValues(chart, drawn, x, y),
    // On top, so that every point can be reached; later series win where points coincide.
    ...drawn.flatMap((series) => series.points.map((point) => target(point, series, x, y))),
  );
}

/** Names beside their colours; a single series needs none. */
export function legend(
  entries: readonly Pick<Series, "name" | "color" | "dashed">[],
): string {
  if (entries.length < 2) return "";
  const items = entries.map(({ name, color, dashed }) =>
    element(
      "span",
      {},
      element("i", { class: dashed ? "key dashed" : "key", style: `--key: ${color}` }),
      escapeText(name),
    )
  );
  return element("p", { class: "legend" }, ...items);
}

function line(series: Series, x: Scale, y: Scale): string {
  if (series.points.length === 1) {
    const [{ x: cx, y: cy }] = series.points;
    return element("circle", { cx: x(cx), cy: y(cy), r: 3.5, style: `fill: ${series.color}` });
  }
  const path = series.points
    .map((point, index) =>
      `${index === 0 ? "M" : "L"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`
    )
    .join("");
  return element("path", {
    class: series.dashed ? "line dashed" : "line",
    style: `stroke: ${series.color}; stroke-width: ${series.width ?? 2}`,
    d: path,
  });
}

function mark(chart: LineChart, x: Scale, y: Scale): string {
  if (!chart.mark) return "";
  const at = { cx: x(chart.mark.x), cy: y(chart.mark.y) };
  // Right of the middle the text grows to the left, so that it stays inside.
  const toTheLeft = at.cx > (frame.left + frame.right) / 2;
  return element("circle", { ...at, r: 4.5, class: "mark" }) +
    label(at.cx + (toTheLeft ? 4 : -4), at.cy - 11, chart.mark.text, {
      class: "note strong",
      "text-anchor": toTheLeft ? "end" : "start",
    });
}

function endValues(chart: LineChart, drawn: readonly Series[], x: Scale, y: Scale): string {
  const ends = drawn.filter((series) => !series.dashed)
    .map((series) => series.points[series.points.length - 1]);
  const taken = chart.level ? [y(chart.level.y)] : [];
  const heights = spread(
    [...ends.map((point) => y(point.y)), ...taken],
    14,
    frame.top,
    frame.bottom,
  );
  const told = new Set<string>();
  return ends.map((point, index) => {
    const text = chart.y.precise(point.y);
    const marked = chart.mark?.x === point.x && chart.mark.y === point.y;
    if (marked || told.has(text)) return "";
    told.add(text);
    return label(x(point.x) + 8, heights[index] + 4, text, { class: "note strong" });
  }).join("");
}

function target(point: Point, series: Series, x: Scale, y: Scale): string {
  return element(
    "g",
    { class: "target" },
    element("circle", { cx: x(point.x), cy: y(point.y), r: 9, class: "reach" }),
    element("circle", { cx: x(point.x), cy: y(point.y), r: 3.5, style: `fill: ${series.color}` }),
    tooltip(point.told),
  );
}
