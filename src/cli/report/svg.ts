/**
 * Building blocks of the report's pictures: markup with everything escaped, ticks and scales, axes.
 *
 * @module
 */

/** Attributes of an element; undefined ones are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Text as markup: whatever it holds, it stays text. */
export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/**
 * An element. Attribute values are escaped; children are markup already (texts go through escapeText).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { element, escapeText } from "./svg.ts";
 * assert.equal(element("b", { title: '"<' }, escapeText("R&D")), '<b title="&quot;&lt;">R&amp;D</b>');
 * ```
 */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeText(shortNumber(value!))}"`)
    .join("");
  return `<${name}${written}>${children.join("")}</${name}>`;
}

/** A text element of a picture. */
export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element("text", { x, y, ...attributes }, escapeText(text));
}

/** The tooltip of the element it stands in. */
export function tooltip(text: string): string {
  return element("title", {}, escapeText(text));
}

/** A picture `width` by `height` units that scales with its column; `name` is read out for it. */
export function picture(
  width: number,
  height: number,
  name: string,
  ...children: string[]
): string {
  return element(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name },
    ...children,
  );
}

/** A map of numbers onto positions. */
export type Scale = (value: number) => number;

/** The linear scale that takes `from` to `to`; an empty domain maps to its middle. */
export function linearScale(
  from: readonly [number, number],
  to: readonly [number, number],
): Scale {
  const span = from[1] - from[0];
  if (span === 0) return () => (to[0] + to[1]) / 2;
  return (value) => to[0] + (value - from[0]) / span * (to[1] - to[0]);
}

/**
 * About `count` round numbers that cover `least` to `most`: multiples of 1, 2 or 5 times a power of ten.
 * The first is at most `least` and the last at least `most`.
 *
 * @param smallestStep 1 for quantities that come whole
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { niceTicks } from "./svg.ts";
 * assert.deepEqual(niceTicks(0, 0.27, 5), [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
 * ```
 */
export function niceTicks(least: number, most: number, count: number, smallestStep = 0): number[] {
  const span = most > least ? most - least : Math.abs(least) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * 0.9) ?? 10;
  const step = Math.max(factor * power, smallestStep);
  const first = Math.floor(least / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(most / step - 1e-9));
  // Products with the step carry rounding noise (3 · 0.1); the step's own precision cuts it off.
  const decimals = Math.max(0, Math.ceil(-Math.log10(step)) + 1);
  return Array.from(
    { length: last - first + 1 },
    // The perplexity of a model that has diverged may be the largest number there is.
    (_, index) => Math.min(Number(((first + index) * step).toFixed(decimals)), Number.MAX_VALUE),
  );
}

/** Where a chart's data lies in its picture. */
export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** One axis: its ticks and how they read. */
export interface Axis {
  readonly scale: Scale;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
}

/** What the horizontal axis of a chart of lines is about. */
export interface LineAxis {
  readonly title: string;
  readonly format: (value: number) => string;
  readonly whole?: boolean;
  readonly from?: number;
}

/** What the vertical axis of a chart of lines is about. */
export interface ValueAxis {
  readonly format: (value: number) => string;
  /** Of the values at the ends of the lines. */
  readonly precise: (value: number) => string;
  readonly fromZero: boolean;
}

/** The horizontal axis of lines through these values, with about `count` ticks. */
export function lineAxis(
  { title, format, whole, from }: LineAxis,
  values: readonly number[],
  { left, right }: Frame,
  count: number,
): Axis & { readonly title: string } {
  const most = Math.max(...values);
  const least = from ?? Math.min(...values);
  const end = Math.max(most, whole ? least + 1 : least);
  return {
    title,
    format,
    scale: linearScale([least, end], [left + 6, right]),
    ticks: niceTicks(least, end, count, whole ? 1 : 0)
      .filter((value) => value >= least && value <= most),
  };
}

/** Horizontal grid lines with their values at the left, and x values with their name below. */
export function axes(frame: Frame, x: Axis & { readonly title: string }, y: Axis): string {
  const { left, right, bottom } = frame;
  const lines = y.ticks.map((value) => {
    const at = y.scale(value);
    return element("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }) +
      label(left - 8, at + 4, y.format(value), { class: "tick", "text-anchor": "end" });
  });
  const below = x.ticks.map((value) =>
    label(x.scale(value), bottom + 18, x.format(value), { class: "tick", "text-anchor": "middle" })
  );
  return element(
    "g",
    {},
    ...lines,
    ...below,
    element("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    label(right, bottom + 36, x.title, { class: "axis-title", "text-anchor": "end" }),
  );
}

/** A line across a chart, at a level to compare with. */
export function levelLine(y: number, { left, right }: Frame): string {
  return element("line", { class: "level", x1: left, x2: right, y1: y, y2: y });
}

/** Shifts positions the least that keeps neighbours `gap` apart and inside the bounds; order is kept. */
export function spread(
  positions: readonly number[],
  gap: number,
  least: number,
  most: number,
): number[] {
  const order = positions.map((_, index) => index)
    .sort((one, other) => positions[one] - positions[other] || one - other);
  const placed = [...positions];
  let floor = least;
  for (const index of order) {
    placed[index] = Math.max(placed[index], floor);
    floor = placed[index] + gap;
  }
  let ceiling = most;
  for (const index of order.reverse()) {
    placed[index] = Math.min(placed[index], ceiling);
    ceiling = placed[index] - gap;
  }
  return placed;
}

/** Positions need no more than two decimals; the file is a third smaller without the rest. */
function shortNumber(value: string | number): string {
  return typeof value === "number" ? String(Math.round(value * 100) / 100) : value;
}
