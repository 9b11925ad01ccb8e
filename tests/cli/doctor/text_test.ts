import assert from "node:assert/strict";
import type { DoctorReport } from "../../../src/cli/doctor/report.ts";
import { reportText } from "../../../src/cli/doctor/text.ts";

const limits = {
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 31,
  maxComputeWorkgroupStorageSize: 1,
  maxComputeInvocationsPerWorkgroup: 1,
};
const sizes = [{
  name: "gpt2",
  parameters: 124439808,
  memory: (["f32", "f16", "int8"] as const).flatMap((baseDtype, i) =>
    [false, true].map((recompute) => ({
      baseDtype,
      recompute,
      bytes: (4 - i) * 1e9 / (recompute ? 2 : 1),
      fits: i > 0 || recompute,
    }))
  ),
}];
const report: DoctorReport = {
  deno: "2.9.6",
  system: "linux x86_64",
  memory: { available: 3e9, total: 8e9 },
  load: { programs: 0.1, processors: 2 },
  adapters: [
    { description: "llvmpipe", software: true, limits },
    { description: "other\u001b[2J", software: false, limits },
  ],
  devices: [
    {
      kind: "cpu",
      description: "CPU, WebAssembly SIMD",
      threads: 2,
      speed: { matmulFlopsPerSecond: 45.25e9, memoryBytesPerSecond: 11.3e9 },
      sizes,
    },
    { kind: "webgpu", description: "llvmpipe", failure: "it was lost", sizes },
  ],
  settings: { task: "lm", batch: 16, seqLen: 64, rank: 8, evalBatch: 64 },
  checks: [
    { name: "Device", there: true, needed: true, text: "--device cpu" },
    { name: "Memory", there: false, needed: true, text: "less is free" },
  ],
  canTrain: false,
};

Deno.test("reportText tells devices, sizes and what is missing in lines that fit a terminal", () => {
  const lines = reportText(report).split("\n");
  assert.deepEqual(lines.slice(0, 8), [
    "Deno     2.9.6, linux x86_64",
    "Memory   3.00 GB free of 8.00 GB",
    "Device   CPU, WebAssembly SIMD (2 threads)",
    "         45.3 GFLOP/s in a matrix product, 11.3 GB/s of memory",
    "Device   llvmpipe, WebGPU, software that runs on the processor",
    "         at most 134 MB a binding, 2.15 GB a buffer",
    "         does not work: it was lost",
    "Beside   other\ufffd[2J",
  ]);
  assert.ok(
    lines.includes(
      "gpt2  124,439,808  4.00 GB no / 2.00 GB  3.00 GB / 1.50 GB  2.00 GB / 1.00 GB",
    ),
    lines.join("\n"),
  );
  assert.deepEqual(lines.slice(-4), [
    "yes  Device           --device cpu",
    "no   Memory           less is free",
    "",
    "This machine cannot train; what is missing: Memory",
  ]);
  assert.ok(lines.every((line) => line.length <= 120), "no line is long");
});

Deno.test("reportText says that speeds are of a busy machine", () => {
  const busy = reportText({ ...report, load: { programs: 9.96, processors: 2 } });
  assert.match(
    busy,
    /^Load {5}10\.0 programs on 2 processors: the speeds below are what they leave$/m,
  );
});

Deno.test("reportText says that a GPU's memory is not known", () => {
  const unknown = /WebGPU does not tell/;
  assert.doesNotMatch(reportText(report), unknown);
  assert.match(reportText({ ...report, adapters: report.adapters.toReversed() }), unknown);
});
