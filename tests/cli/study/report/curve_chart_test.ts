import assert from "node:assert/strict";
import {
  type Curve,
  type CurveChart,
  curveChart,
} from "../../../../src/cli/study/report/curve_chart.ts";
import { figureFile } from "../../../../src/cli/study/report/figure.ts";
import { assertWellFormed } from "../../well_formed.ts";

const look = { color: "var(--series-1)", dashed: false, core: true };
const curve = (name: string, ys: readonly number[], error?: number): Curve => ({
  name,
  look,
  points: ys.map((y, index) => ({ x: index + 1, y, ...(error !== undefined && { error }) })),
  told: `told of ${name}`,
});
const chart = (curves: readonly Curve[], levels?: CurveChart["levels"]): CurveChart => ({
  name: "chart",
  curves,
  x: { title: "round", format: String, whole: true },
  y: { format: String, precise: (value) => value.toFixed(2), fromZero: true },
  ...(levels && { levels }),
});

/** Heights of the texts that hold a word. */
function heights(content: string, word: string): number[] {
  return [...content.matchAll(/<text x="[-\d.]+" y="([-\d.]+)"[^>]*>([^<]*)</g)]
    .filter(([, , text]) => text.includes(word)).map(([, y]) => Number(y));
}

Deno.test("curveChart() names every curve with its last value, and keeps the names apart", () => {
  const names = Array.from({ length: 17 }, (_, index) => `method-${index}`);
  const { content, height } = curveChart(
    chart(names.map((name) => curve(name, [0.1, 0.5]))),
    "wide",
  );
  const placed = names.map((name) => heights(content, `${name} 0.50`)[0])
    .sort((one, other) => one - other);
  assert.equal(placed.filter(Number.isFinite).length, 17);
  assert.ok(placed[0] > 0 && placed[16] < height);
  placed.slice(1).forEach((at, index) => assert.ok(at - placed[index] >= 12));
});

Deno.test("curveChart() gives bands to the methods that stand out alone, names at half width too", () => {
  const grey = { ...curve("other", [0.1, 0.2], 0.02), look: { ...look, core: false } };
  const curves = [curve("core", [0.1, 0.5], 0.05), grey];
  const half = curveChart(chart(curves), "half").content;
  assert.equal(half.split('class="band"').length - 1, 1);
  assert.deepEqual([heights(half, "core").length, heights(half, "other").length], [1, 0]);
  assert.equal(heights(curveChart(chart(curves), "wide").content, "other").length, 1);
  assert.ok(half.includes("<title>told of other</title>"));
  assert.doesNotMatch(curveChart(chart([curve("lone", [0.1, 0.2])]), "half").content, /band/);
});

Deno.test("curveChart() draws levels among the curves, and tells of those far above them", () => {
  const { content } = curveChart(
    chart([curve("one", [0.1, 0.5])], [{ text: "chance", y: 0.05 }, { text: "far", y: 0.9 }]),
    "wide",
  );
  assert.equal(content.split('class="level"').length - 1, 1);
  assert.ok(content.includes("↑ far"));
  assert.equal(heights(content, "chance").length, 1);
});

Deno.test("curveChart() is well formed and without NaN from one round of one method on", () => {
  for (const curves of [[curve("one", [0.3])], [curve("one", [0, 0]), curve("none", [])]]) {
    for (const size of ["wide", "low", "half"] as const) {
      const { content } = curveChart(chart(curves), size);
      assertWellFormed(content);
      assert.doesNotMatch(content, /NaN|Infinity|undefined/);
    }
  }
});

Deno.test("figureFile() stands alone: with its styles, and nothing to load", () => {
  const file = figureFile(curveChart(chart([curve("<b>&", [0.1, 0.5])]), "half"));
  assertWellFormed(file);
  assert.match(file, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assert.match(file, /<style>[^<]*--series-1[^<]*svg \.name/);
  assert.ok(file.includes("&lt;b&gt;&amp; 0.50"));
  assert.doesNotMatch(file, /url\(|<script|<b>/);
});
