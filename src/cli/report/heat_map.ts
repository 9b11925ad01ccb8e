import type { RoundFacts } from "../../protocol/records.ts";
import { element, label, picture, tooltip } from "./svg.ts";

/** Modules that differ only in a number, such as the q_proj of every layer: one block of the map. */
export interface ModuleBlock {
  readonly title: string;
  readonly rows: readonly { readonly name: string; readonly module: number }[];
}

/**
 * Groups module names by what is left when their last number is taken out.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { moduleBlocks } from "./heat_map.ts";
 * const blocks = moduleBlocks(["layers.0.q_proj", "layers.0.v_proj", "layers.1.q_proj"]);
 * assert.deepEqual(blocks.map((block) => block.title), ["q_proj", "v_proj"]);
 * assert.deepEqual(blocks[0].rows, [{ name: "0", module: 0 }, { name: "1", module: 2 }]);
 * ```
 */
export function moduleBlocks(modules: readonly string[]): ModuleBlock[] {
  const blocks = new Map<string, { title: string; rows: { name: string; module: number }[] }>();
  modules.forEach((path, module) => {
    const parts = path.split(".");
    const layer = parts.findLastIndex((part) => /^\d+$/.test(part));
    const key = parts.map((part, index) => index === layer ? "*" : part).join(".");
    const block = blocks.get(key) ?? { title: parts[parts.length - 1], rows: [] };
    block.rows.push({ name: layer < 0 ? "" : parts[layer], module });
    blocks.set(key, block);
  });
  return [...blocks.values()];
}

/**
 * How far a score lies below the highest of its module, on a logarithm: 1 at the highest, 0 at a thousandth
 * of it or less.
 */
export function scoreLevel(score: number, highest: number): number {
  if (!(score > 0) || !(highest > 0)) return 0;
  return Math.min(1, Math.max(0, 1 + Math.log10(score / highest) / 3));
}

const mapWidth = 1060;
const gutter = 58;
const blockGap = 26;

/** The components of every module: colour for the score, number for how often a client trained it. */
export function heatMap(modules: readonly string[], records: readonly RoundFacts[]): string {
  // Clients that rank for themselves tell nothing in a round in which none of them trains.
  const told = records.findLast(({ scores }) =>
    scores.some((row) => row.some((score) => score > 0))
  );
  const { scores } = told ?? records[records.length - 1];
  const trained = timesTrained(records);
  const rank = Math.max(1, ...scores.map((row) => row.length));
  const blocks = moduleBlocks(modules);
  const perLine = Math.max(1, Math.min(blocks.length, Math.floor(1000 / (rank * 12 + blockGap))));
  const roomWidth = mapWidth - gutter - blockGap * (perLine - 1);
  const cell = Math.min(34, roomWidth / (perLine * rank));
  const mostRows = Math.max(...blocks.map((block) => block.rows.length));
  const numbered = numbersFit(trained, cell - 2);
  const rowHeight = numbered ? 24 : mostRows <= 24 ? 20 : 12;

  let top = 0;
  const drawn: string[] = [];
  for (let start = 0; start < blocks.length; start += perLine) {
    const line = blocks.slice(start, start + perLine);
    line.forEach((block, place) => {
      const left = gutter + place * (rank * cell + blockGap);
      drawn.push(label(left, top + 14, block.title, { class: "block-title" }));
      block.rows.forEach(({ name, module }, row) => {
        const y = top + 40 + row * rowHeight;
        if (place === 0) {
          drawn.push(label(gutter - 10, y + rowHeight / 2 + 4, rowName(name), {
            class: "tick",
            "text-anchor": "end",
          }));
        }
        const highest = Math.max(...scores[module]);
        scores[module].forEach((score, component) =>
          drawn.push(heatCell({
            x: left + component * cell,
            y,
            width: cell - 2,
            height: rowHeight - 2,
            level: scoreLevel(score, highest),
            times: trained[module][component],
            numbered,
            told:
              `${modules[module]}, component ${component + 1}: score ${score.toPrecision(3)}, ` +
              `trained ${trained[module][component]} times`,
          }))
        );
      });
      drawn.push(...componentNumbers(left, top + 34, cell, rank));
    });
    top += 40 + Math.max(...line.map((block) => block.rows.length)) * rowHeight + 20;
  }
  return heatLegend(numbered) +
    picture(mapWidth, top - 12, "Importance of every component", ...drawn);
}

/** [modules][r]: how many times, over rounds and clients, each component was trained. */
export function timesTrained(records: readonly RoundFacts[]): number[][] {
  const sums = records[0].selected.map((row) => row.map(() => 0));
  for (const { selected } of records) {
    selected.forEach((row, module) =>
      row.forEach((clients, component) => sums[module][component] += clients)
    );
  }
  return sums;
}

interface Cell {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly level: number;
  readonly times: number;
  readonly numbered: boolean;
  readonly told: string;
}

function heatCell({ x, y, width, height, level, times, numbered, told }: Cell): string {
  const box = { x, y, width, height, rx: 2 };
  if (times === 0) return element("rect", { ...box, class: "untrained" }, tooltip(told));
  const share = Math.round(100 * level);
  const rect = element("rect", {
    ...box,
    style: `fill: color-mix(in oklab, var(--heat-high) ${share}%, var(--heat-low))`,
  });
  const number = numbered
    ? label(x + width / 2, y + height / 2 + 3.8, String(times), {
      class: level > 0.5 ? "count on-high" : "count",
      "text-anchor": "middle",
    })
    : "";
  return element("g", {}, rect, number, tooltip(told));
}

function componentNumbers(left: number, y: number, cell: number, rank: number): string[] {
  const every = Math.max(1, Math.ceil(16 / cell));
  return Array.from({ length: rank }, (_, component) => component + 1)
    .filter((component) => component === 1 || component % every === 0)
    .map((component) =>
      label(left + (component - 0.5) * cell - 1, y, String(component), {
        class: "tick",
        "text-anchor": "middle",
      })
    );
}

function rowName(name: string): string {
  return name === "" ? "" : `layer ${name}`;
}

/** Whether the largest number fits a cell; all cells have their numbers, or none has. */
function numbersFit(trained: readonly (readonly number[])[], width: number): boolean {
  const most = Math.max(0, ...trained.map((row) => Math.max(...row)));
  return width >= 7 * String(most).length + 3;
}

function heatLegend(numbered: boolean): string {
  return element(
    "p",
    { class: "legend" },
    element(
      "span",
      {},
      "a thousandth or less",
      element("i", { class: "ramp" }),
      "highest score of its module",
    ),
    numbered
      ? element("span", {}, element("i", { class: "numeral" }, "12"), "times a client trained it")
      : "",
    element("span", {}, element("i", { class: "untrained-key" }), "never trained"),
  );
}
