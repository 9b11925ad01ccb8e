import assert from "node:assert/strict";
import fc from "fast-check";
import {
  heatCells,
  moduleBlocks,
  scoreLevel,
  scoreText,
} from "../../../server/dashboard/heat_data.js";
import * as report from "../../../src/cli/report/heat_map.ts";
import { sampleStatus } from "./sample_status.ts";

Deno.test("scoreLevel() is that of a run's report", () => {
  const score = fc.double({ min: -1, max: 1, noNaN: true });
  fc.assert(fc.property(score, score, (value, highest) => {
    assert.equal(scoreLevel(value, highest), report.scoreLevel(value, highest));
  }));
});

Deno.test("moduleBlocks() groups the same projection of all layers", () => {
  const blocks = moduleBlocks(["layers.0.q_proj", "layers.0.v_proj", "layers.1.q_proj", "pooler"]);
  assert.deepEqual(blocks, [
    { title: "q_proj", rows: [{ name: "layer 0", module: 0 }, { name: "layer 1", module: 2 }] },
    { title: "v_proj", rows: [{ name: "layer 0", module: 1 }] },
    { title: "pooler", rows: [{ name: "pooler", module: 3 }] },
  ]);
});

Deno.test("heatCells() tells score and contributors of one round, and what was never trained", () => {
  const [initial] = sampleStatus({ state: "running", roundsDone: 0 }).published;
  const published = [
    { ...initial, round: 1, contributors: [0, 2], scores: [[4, 0.004, 0]], selected: [[2, 0, 0]] },
    { ...initial, round: 2, contributors: [1], scores: [[1, 0.1, 0]], selected: [[0, 1, 0]] },
  ];
  const first = heatCells(["q"], published, 0)[0];
  assert.deepEqual(first.map(({ level, share, isTrained }) => [level, share, isTrained]), [
    [1, 1, true],
    [0, 0, false],
    [0, 0, false],
  ]);
  const second = heatCells(["q"], published, 1)[0];
  assert.deepEqual(second.map(({ text }) => text), [
    "q, component 1: score 1, trained by 0 of 1 in round 2",
    "q, component 2: score 0.1, trained by 1 of 1 in round 2",
    "q, component 3: score 0, never trained",
  ]);
  assert.ok(Math.abs(second[1].level - 2 / 3) < 1e-12);
});

Deno.test("scoreText() keeps three digits and stays short", () => {
  assert.deepEqual([0, 0.12345, 0.001, 0.00000241, 17].map(scoreText), [
    "0",
    "0.123",
    "0.001",
    "2.41e-6",
    "17",
  ]);
});
