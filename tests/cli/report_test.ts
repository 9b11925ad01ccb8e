import assert from "node:assert/strict";
import fc from "fast-check";
import { moduleBlocks, scoreLevel, timesTrained } from "../../src/cli/report/heat_map.ts";
import { lineChart } from "../../src/cli/report/line_chart.ts";
import { renderReport } from "../../src/cli/report/report.ts";
import { linearScale, niceTicks, spread } from "../../src/cli/report/svg.ts";
import type { MessageSizes } from "../../src/protocol/messages/mod.ts";
import { summarizeRun } from "../../src/protocol/records.ts";
import { sampleRun, type SampleShape } from "./sample_run.ts";
import { assertWellFormed, bodyOf } from "./well_formed.ts";

const shape: SampleShape = {
  rounds: 20,
  layers: 2,
  projections: ["q_proj", "k_proj", "v_proj", "o_proj"],
  labels: Array.from({ length: 20 }, (_, index) => `topic.${index}`),
  given: {},
};

Deno.test("renderReport() needs neither network nor script", () => {
  const html = renderReport(sampleRun(shape));
  assert.doesNotMatch(html, /<script|<link|<img|@import|url\(|src=|href=|https?:/i);
  assert.match(html, /Content-Security-Policy" content="default-src 'none'/);
});

Deno.test("renderReport() states the headline figures", () => {
  const run = sampleRun({ ...shape, given: { seed: 5 } });
  const html = renderReport(run);
  assert.ok(html.includes(`${(100 * run.summary.final.accuracy).toFixed(1)} %`));
  assert.ok(html.includes("chance 5.0 %"));
  assert.ok(html.includes("seed 5"));
  assert.ok(html.includes("cpu (2 threads)"));
  assert.ok(html.includes("10 clients, 4 at rank 2, 3 at rank 4, 3 at rank 8 of 8"));
  assert.ok(html.includes("freeze + adaptive (IFALoRA)"));
});

Deno.test("renderReport() names the kinds of bytes that were sent, and no others", () => {
  const run = sampleRun(shape);
  const headless = ({ lora, overhead }: MessageSizes) => ({
    ...{ lora, head: 0, overhead, total: lora + overhead },
  });
  const records = run.records.map((record) => ({
    ...record,
    upBytes: headless(record.upBytes),
    downBytes: headless(record.downBytes),
  }));
  const bars = (html: string) => html.match(/Round 1, to the server: .*?<\/title>/)![0];
  assert.match(bars(renderReport(run)), /\(LoRA components .*, Head .*, Overhead .*\)/);
  assert.match(
    bars(renderReport({ ...run, records })),
    /\(LoRA components [^,]*, Overhead [^,]*\)/,
  );
});

Deno.test("renderReport() is well formed and without NaN from one round to many", () => {
  const shapes: SampleShape[] = [
    shape,
    { ...shape, rounds: 1, given: { clients: 1, ranks: [1] }, labels: ["a", "b"] },
    { ...shape, rounds: 2, given: { method: "truncate", ranks: [4, 64] } },
    { ...shape, rounds: 120, layers: 12 },
  ];
  for (const given of shapes) {
    const html = renderReport(sampleRun(given));
    assertWellFormed(bodyOf(html));
    assert.doesNotMatch(html, /NaN|Infinity|undefined|\[object/);
  }
});

Deno.test("renderReport() sums many clients up by tier", () => {
  const many = sampleRun({ ...shape, given: { clients: 1000, participation: 0.05 } });
  const html = renderReport(many);
  assertWellFormed(bodyOf(html));
  const rows = (of: string) =>
    of.match(/<table class="clients">.*?<\/table>/s)![0].split("<tr>").length - 2;
  assert.equal(rows(html), 3);
  assert.match(html, /Rows of each label, all together/);
  assert.match(html, /50 clients sampled a round/);
  // Largely the settings and the heat map, which do not grow.
  const few = renderReport(sampleRun({ ...shape, given: { clients: 50 } }));
  assert.equal(rows(few), 50);
  assert.ok(html.length < few.length);
});

Deno.test("renderReport() shows a dash for the loss of a round in which nobody answered", () => {
  const run = sampleRun({ ...shape, rounds: 3 });
  const attendance = { sampled: 4, answered: 0, vanished: 3, late: 1, arrived: 0 };
  const records = run.records.map((record) =>
    record.round === 2 ? { ...record, trainLoss: null, attendance } : record
  );
  const html = renderReport({ ...run, records });
  assertWellFormed(bodyOf(html));
  assert.doesNotMatch(html, /NaN|null/);
  assert.match(html, /<td>—<\/td><td>0 of 4<\/td>/);
  assert.equal(html.match(/Round \d+, training:/g)!.length, 2);
});

Deno.test("renderReport() shows names as text, whatever they hold", () => {
  const run = sampleRun({ ...shape, labels: ['<script>alert("1")</script>', "a & b"] });
  const html = renderReport({
    ...run,
    facts: { ...run.facts, model: "</title><b>", device: "'\"<i>", notes: ["<u>"] },
  });
  assert.doesNotMatch(html, /<script|<b>|<i>|<u>/);
  assert.ok(html.includes("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"));
  assertWellFormed(bodyOf(html));
});

Deno.test("renderReport() sets only changed settings in colour", () => {
  const changed = (html: string): string[] =>
    [...html.matchAll(/<div class="changed"><dt>(.*?)<\/dt>/g)].map(([, name]) => name);
  assert.deepEqual(changed(renderReport(sampleRun(shape))), []);
  const html = renderReport(sampleRun({ ...shape, given: { lr: 0.02, seed: 9 } }));
  assert.deepEqual(changed(html), ["lr", "seed"]);
});

Deno.test("renderReport() marks components nobody trained", () => {
  const run = sampleRun(shape);
  const cells = (html: string): number => html.split('class="untrained"').length - 1;
  assert.equal(cells(renderReport(run)), 1);
});

Deno.test("timesTrained() adds the rounds up", () => {
  const { records } = sampleRun({ ...shape, rounds: 2 });
  const two = records.map((record, index) => ({
    ...record,
    selected: [[index, 3], [0, 0]],
  }));
  assert.deepEqual(timesTrained(two), [[1, 6], [0, 0]]);
});

Deno.test("scoreLevel() falls by a third for each power of ten below the highest", () => {
  assert.equal(scoreLevel(5, 5), 1);
  assert.ok(Math.abs(scoreLevel(0.5, 5) - 2 / 3) < 1e-12);
  assert.equal(scoreLevel(1e-9, 5), 0);
  assert.equal(scoreLevel(0, 0), 0);
});

Deno.test("moduleBlocks() gathers the layers of a projection, and modules without a number apart", () => {
  const blocks = moduleBlocks(["h.0.attn.c_attn", "h.1.attn.c_attn", "h.0.mlp.c_attn", "pooler"]);
  assert.deepEqual(blocks, [
    { title: "c_attn", rows: [{ name: "0", module: 0 }, { name: "1", module: 1 }] },
    { title: "c_attn", rows: [{ name: "0", module: 2 }] },
    { title: "pooler", rows: [{ name: "", module: 3 }] },
  ]);
});

Deno.test("niceTicks() covers the data with few ticks at equal steps", () => {
  const bound = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(fc.property(bound, bound, (one, other) => {
    const [least, most] = [Math.min(one, other), Math.max(one, other)];
    fc.pre(most - least > 1e-6);
    const ticks = niceTicks(least, most, 5);
    const slack = 1e-6 * (most - least);
    assert.ok(ticks[0] <= least + slack && ticks[ticks.length - 1] >= most - slack);
    assert.ok(ticks.length >= 2 && ticks.length <= 9);
    const step = ticks[1] - ticks[0];
    assert.ok(step > 0);
    for (let i = 2; i < ticks.length; i++) {
      assert.ok(Math.abs(ticks[i] - ticks[i - 1] - step) < 0.01 * step);
    }
  }));
  assert.deepEqual(niceTicks(1, 3, 6, 1), [1, 2, 3]);
});

Deno.test("lineChart() draws values up to the largest number there is", () => {
  const name = "Perplexity";
  const format = (value: number) => value.toPrecision(2);
  const points = [20, Number.MAX_VALUE].map((y, x) => ({ x, y, told: "" }));
  const html = lineChart({
    name,
    series: [{ name, color: "red", points }],
    x: { title: "Round", format },
    y: { format, precise: format, fromZero: false },
  });
  assert.doesNotMatch(html, /NaN|Infinity/);
});

Deno.test("linearScale() maps the ends of its domain, and an empty one to the middle", () => {
  const scale = linearScale([1, 3], [100, 0]);
  assert.deepEqual([scale(1), scale(2), scale(3)], [100, 50, 0]);
  assert.equal(linearScale([4, 4], [0, 10])(4), 5);
});

Deno.test("spread() moves labels apart and keeps their order and bounds", () => {
  assert.deepEqual(spread([10, 50], 14, 0, 100), [10, 50]);
  assert.deepEqual(spread([50, 50, 50], 14, 0, 100), [50, 64, 78]);
  assert.deepEqual(spread([95, 96], 14, 0, 100), [86, 100]);
});

Deno.test("summarizeRun() takes the first of equal best rounds and adds the bytes", () => {
  const { records } = sampleRun({ ...shape, rounds: 3 });
  const told = [0.3, 0.5, 0.5].map((accuracy, index) => ({ ...records[index], accuracy }));
  const summary = summarizeRun(told, 4);
  assert.deepEqual([summary.best.round, summary.final.round, summary.chance], [2, 3, 0.25]);
  assert.equal(summary.upBytes.total, 3 * records[0].upBytes.total);
  assert.throws(() => summarizeRun([], 4), RangeError);
});
