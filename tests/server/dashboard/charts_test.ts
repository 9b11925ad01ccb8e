import assert from "node:assert/strict";
import fc from "fast-check";
import {
  byteData,
  byteKinds,
  scoreData,
  stack,
  sumData,
} from "../../../server/dashboard/chart_data.js";
import { niceTicks } from "../../../server/dashboard/chart_scale.js";
import { niceTicks as reportTicks } from "../../../src/cli/report/svg.ts";
import type { RoundStatus } from "../../../src/protocol/http/documents.ts";
import { sampleStatus } from "./sample_status.ts";

function round(given: Partial<RoundStatus>): RoundStatus {
  return { ...sampleStatus({ state: "running", roundsDone: 0 }).published[0], ...given };
}

const bytes = (lora: number, head: number, overhead: number) => ({
  lora,
  head,
  overhead,
  total: lora + head + overhead,
});
const score = (accuracy: number, loss: number) => ({ accuracy, loss, rows: 10, parties: 1 });

Deno.test("stack() puts the first series at the bottom and gives the highest tops first", () => {
  assert.deepEqual(stack([[1, 2], [3, 4], [10, null], [100, 200]]), [
    [1, 2],
    [113, 204],
    [13, 4],
    [3, 4],
  ]);
});

Deno.test("scoreData() leaves gaps where nobody reported", () => {
  const published = [
    round({ round: 0, heldOut: null, evaluators: score(0.1, 3) }),
    round({ round: 1, heldOut: score(0.2, 2.5), evaluators: null }),
  ];
  assert.deepEqual(scoreData(published, "accuracy"), [[0, 1], [null, 0.2], [0.1, null]]);
  assert.deepEqual(scoreData(published, "loss"), [[0, 1], [null, 2.5], [3, null]]);
});

Deno.test("scoreData() draws a language model's perplexity", () => {
  const heldOut = { perplexity: 20, loss: 3, tokens: 10, parties: 1 };
  const published = [round({ round: 0, heldOut, evaluators: null })];
  assert.deepEqual(scoreData(published, "perplexity"), [[0], [20], [null]]);
  assert.deepEqual(scoreData(published, "loss"), [[0], [3], [null]]);
});

Deno.test("byteData() and sumData() leave out the initial bank", () => {
  const published = [
    round({ round: 0 }),
    round({ round: 1, upBytes: bytes(5, 3, 1), downBytes: bytes(7, 3, 1) }),
    round({ round: 2, upBytes: bytes(6, 3, 1), downBytes: bytes(7, 3, 2) }),
  ];
  const kinds = byteKinds("classify");
  assert.deepEqual(byteData(published, "upBytes", kinds), [[1, 2], [5, 6], [3, 3], [1, 1]]);
  assert.deepEqual(sumData(published), [[1, 2], [9, 19], [11, 23]]);
});

Deno.test("byteData() of a language model, which has no head, is of the rest", () => {
  const published = [round({ round: 1, upBytes: bytes(5, 0, 1) })];
  for (const task of ["lm", "chat"] as const) {
    assert.deepEqual(byteData(published, "upBytes", byteKinds(task)), [[1], [5], [1]]);
  }
});

Deno.test("niceTicks() stays finite up to the largest number", () => {
  const ticks = niceTicks(20, Number.MAX_VALUE, 5);
  assert.equal(ticks.at(-1), Number.MAX_VALUE);
  assert.ok(ticks.every((tick, place) => place === 0 || tick > ticks[place - 1]), `${ticks}`);
  assert.deepEqual(ticks, reportTicks(20, Number.MAX_VALUE, 5));
});

Deno.test("niceTicks() gives the ticks of a run's report", () => {
  const thousandths = fc.integer({ min: -1e7, max: 1e7 }).map((value) => value / 1000);
  fc.assert(fc.property(thousandths, thousandths, (one, other) => {
    const [least, most] = [Math.min(one, other), Math.max(one, other)];
    assert.deepEqual(niceTicks(least, most, 5), reportTicks(least, most, 5));
  }));
  assert.deepEqual(niceTicks(0, 0.27, 5), [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
});
