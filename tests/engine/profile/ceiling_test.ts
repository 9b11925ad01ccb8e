import assert from "node:assert/strict";
import { type Ceiling, secondsAtCeiling } from "../../../src/engine/profile/ceiling.ts";

const ceiling: Ceiling = {
  flopsPerSecond: 100,
  bandwidths: [{ workingSet: 64, bytesPerSecond: 40 }, { workingSet: 640, bytesPerSecond: 10 }],
};

Deno.test("secondsAtCeiling() gives the longer of compute and memory time, and says which", () => {
  assert.deepEqual(secondsAtCeiling({ flops: 300, bytes: 80 }, ceiling), {
    seconds: 8,
    bound: "memory",
  });
  assert.deepEqual(secondsAtCeiling({ flops: 900, bytes: 80 }, ceiling), {
    seconds: 9,
    bound: "compute",
  });
});

Deno.test("secondsAtCeiling() holds bytes to the smallest working set that holds them, or the largest", () => {
  const memory = (bytes: number) => secondsAtCeiling({ flops: 0, bytes }, ceiling).seconds;
  assert.equal(memory(64), 64 / 40);
  assert.equal(memory(65), 6.5);
  assert.equal(memory(6400), 640);
});
