import assert from "node:assert/strict";
import type { Ceiling } from "../../../src/engine/profile/ceiling.ts";
import type { ExecutorProfile } from "../../../src/engine/profile/profile.ts";
import { joinRows, kernelRows } from "../../../src/engine/profile/rows.ts";

const ceiling: Ceiling = {
  flopsPerSecond: 100,
  bandwidths: [{ workingSet: 1000, bytesPerSecond: 10 }],
};

/** Two programs: 3 runs of a product and a sum, 1 run of a product that is held back by memory. */
const profile: ExecutorProfile = {
  clock: "threads",
  writeSeconds: 0,
  readSeconds: 0,
  programs: [
    {
      program: "train",
      runs: 3,
      encodeSeconds: 0,
      submitSeconds: 0,
      nodes: [
        { kernel: "add", cost: { flops: 5, bytes: 10 }, seconds: 6, idleSeconds: 1 },
        { kernel: "matmul", cost: { flops: 200, bytes: 10 }, seconds: 12, idleSeconds: 2 },
      ],
    },
    {
      program: "evaluate",
      runs: 1,
      encodeSeconds: 0,
      submitSeconds: 0,
      nodes: [
        { kernel: "matmul", cost: { flops: 100, bytes: 40 }, seconds: 6, idleSeconds: 1 },
      ],
    },
  ],
};

Deno.test("kernelRows() adds up each kernel over nodes and programs, the longest first", () => {
  assert.deepEqual(kernelRows(profile, ceiling), [
    {
      kernel: "matmul",
      calls: 4,
      seconds: 18,
      share: 0.75,
      idleSeconds: 3,
      flopsPerSecond: 700 / 18,
      bytesPerSecond: 70 / 18,
      // 2 s a run bound by compute, and 4 s by memory.
      fraction: 10 / 18,
      bound: "compute",
    },
    {
      kernel: "add",
      calls: 3,
      seconds: 6,
      share: 0.25,
      idleSeconds: 1,
      flopsPerSecond: 15 / 6,
      bytesPerSecond: 5,
      fraction: 0.5,
      bound: "memory",
    },
  ]);
});

Deno.test("kernelRows() has no rates for kernels that took no time", () => {
  const node = { kernel: "add", cost: { flops: 5, bytes: 10 }, seconds: 0, idleSeconds: 0 };
  const [row] = kernelRows({
    ...profile,
    programs: [{ program: "p", runs: 1, encodeSeconds: 0, submitSeconds: 0, nodes: [node] }],
  }, ceiling);
  assert.deepEqual([row.share, row.flopsPerSecond, row.fraction], [0, 0, 0]);
});

Deno.test("joinRows() is the row that the kernels would have as one", () => {
  const joined = joinRows("all", kernelRows(profile, ceiling));
  assert.deepEqual(joined, {
    kernel: "all",
    calls: 7,
    seconds: 24,
    share: 1,
    idleSeconds: 4,
    flopsPerSecond: 715 / 24,
    bytesPerSecond: 100 / 24,
    fraction: 13 / 24,
    bound: "compute",
  });
});
