import assert from "node:assert/strict";
import {
  type ForestPanel,
  forestPlot,
  type ForestRow,
} from "../../../../src/cli/study/report/forest_plot.ts";
import type { Comparison, Pair } from "../../../../src/study/comparison.ts";
import { assertWellFormed } from "../../well_formed.ts";

const look = { color: "var(--series-1)", dashed: false, core: true };
const pairs = (count: number): Pair[] =>
  Array.from({ length: count }, (_, seed) => ({ seed, effect: 1, bound: "exact" }));
const row = (name: string, ...comparisons: readonly Comparison[]): ForestRow => ({
  name,
  look,
  comparisons,
});
const difference: ForestPanel = { title: "Test", scale: "difference", sides: ["worse", "better"] };
const ratio: ForestPanel = { title: "Rounds", scale: "ratio", sides: ["more", "less"] };
const of = (
  scale: Comparison["scale"],
  mean: number,
  interval?: readonly [number, number],
): Comparison => ({
  scale,
  pairs: pairs(interval === undefined ? 1 : 3),
  unknown: [],
  mean,
  ...(interval && { interval }),
});
const nothing: Comparison = { scale: "ratio", pairs: [], unknown: [1, 2] };

const count = (content: string, pattern: RegExp): number => content.match(pattern)?.length ?? 0;

Deno.test("forestPlot() draws a dot and an interval a row and panel, or says that there is nothing", () => {
  const { content, height } = forestPlot("plot", [difference, ratio], [
    row("one", of("difference", 0.02, [0.01, 0.03]), of("ratio", 2, [1, 4])),
    row("two", of("difference", -0.02), nothing),
  ]);
  assertWellFormed(content);
  assert.equal(count(content, /<circle/g), 3);
  assert.equal(count(content, /class="whisker"/g), 2);
  assert.equal(count(content, /fill: var\(--card\); stroke/g), 1); // one seed: open
  assert.equal(count(content, /nothing to compare/g), 1);
  assert.ok(content.includes("one: +2.0 [+1.0, +3.0], n = 3"));
  assert.ok(height > 100);
});

Deno.test("forestPlot() has ticks of points, and powers of two for ratios", () => {
  const { content } = forestPlot("plot", [difference, ratio], [
    row("one", of("difference", 0.02, [-0.01, 0.05]), of("ratio", 0.5, [0.25, 1])),
    row("two", of("difference", 0.04, [0, 0.08]), of("ratio", 3, [2, 4.5])),
  ]);
  const ticks = [...content.matchAll(/class="tick" text-anchor="middle">([^<]*)</g)]
    .map(([, text]) => text);
  for (const tick of ["0.0", "+5.0", "1/4", "1", "4"]) assert.ok(ticks.includes(tick), tick);
});

Deno.test("forestPlot() cuts an interval far wider than the others, with an arrow", () => {
  const narrow = Array.from(
    { length: 4 },
    (_, index) => row(`${index}`, of("difference", 0.01, [0.005, 0.015])),
  );
  assert.equal(count(forestPlot("plot", [difference], narrow).content, /<path/g), 0);
  const { content } = forestPlot("plot", [difference], [
    ...narrow,
    row("wide", of("difference", 0.01, [-5, 5])),
  ]);
  assert.equal(count(content, /<path/g), 2);
  assert.match(content, />\+3\.0</); // the last tick
});

Deno.test("forestPlot() points a mark to where a bounded ratio lies", () => {
  const bounded = (bound: Pair["bound"]): Comparison => ({
    ...of("ratio", 2, [1, 4]),
    pairs: [{ seed: 1, effect: 2, bound }, { seed: 2, effect: 2, bound: "exact" }],
  });
  const tips = (["at least", "at most"] as const).map((bound) => {
    const { content } = forestPlot("plot", [ratio], [row("one", bounded(bound))]);
    assert.equal(count(content, /<circle/g), 0);
    const [, back, tip] = content.match(/<path d="M([\d.]+) [\d.]+L([\d.]+) /)!.map(Number);
    return Math.sign(tip - back);
  });
  assert.deepEqual(tips, [1, -1]);
});

Deno.test("forestPlot() has an axis even where nothing differs", () => {
  for (const panel of [difference, ratio]) {
    const none = panel.scale === "ratio" ? 1 : 0;
    for (const comparison of [of(panel.scale, none, [none, none]), { ...nothing, ...panel }]) {
      const { content } = forestPlot("plot", [panel], [row("same", comparison)]);
      assert.doesNotMatch(content, /NaN|Infinity|undefined/);
    }
  }
});
