import assert from "node:assert/strict";
import {
  best,
  ceilingSpeed,
  encodeTime,
  gpuTime,
  median,
  peakMemory,
  productSpeed,
  type Series,
  stepSpeed,
} from "../../../bench/harness/figures.ts";

function series(
  seconds: readonly number[],
  facts: Series["facts"] = {},
  bytes?: number,
): Series {
  return { facts, repetitions: seconds.map((each) => ({ seconds: each })), peakMemory: bytes };
}

Deno.test("productSpeed counts a multiply-add as two operations", () => {
  assert.equal(best(productSpeed, series([0.5, 0.25], { size: 1000 })), 8);
});

Deno.test("stepSpeed counts all tokens of a batch", () => {
  const steps = series([4, 2, 1], { B: 16, T: 128 });
  assert.equal(best(stepSpeed, steps), 2048);
  assert.equal(median(stepSpeed, steps), 1024);
});

Deno.test("median() of an even number is the better one in the middle", () => {
  assert.equal(median(stepSpeed, series([1, 2, 4, 8], { B: 1, T: 8 })), 4);
});

Deno.test("best() is the lowest where lower is better", () => {
  const repetitions = [
    { seconds: 1, encodeSeconds: 0.003, gpuSeconds: 0.2 },
    { seconds: 2, encodeSeconds: 0.002, gpuSeconds: 0.1 },
  ];
  const measured: Series = { facts: {}, repetitions, peakMemory: undefined };
  assert.equal(best(encodeTime, measured), 2);
  assert.equal(best(gpuTime, measured), 100);
});

Deno.test("best() of a ceiling is the highest, however long it was measured", () => {
  const repetitions = [
    { seconds: 2, flopsPerSecond: 3e9 },
    { seconds: 1, flopsPerSecond: 2e9 },
  ];
  assert.equal(best(ceilingSpeed, { facts: {}, repetitions, peakMemory: undefined }), 3);
});

Deno.test("peakMemory is absent where the system does not tell", () => {
  assert.equal(best(peakMemory, series([1], {}, 3 * 2 ** 20)), 3);
  assert.equal(best(peakMemory, series([1])), undefined);
  assert.equal(median(peakMemory, series([1])), undefined);
});
