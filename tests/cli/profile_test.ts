import assert from "node:assert/strict";
import { runProfile } from "../../src/cli/profile.ts";
import { profileText } from "../../src/cli/profile_text.ts";
import type { Ceiling } from "../../src/engine/profile/ceiling.ts";
import type { ExecutorProfile, NodeProfile } from "../../src/engine/profile/profile.ts";

const ceiling: Ceiling = {
  flopsPerSecond: 100e9,
  bandwidths: [
    { workingSet: 2 ** 18, bytesPerSecond: 90e9 },
    { workingSet: 2 ** 22, bytesPerSecond: 80e9 },
    { workingSet: 192 * 2 ** 20, bytesPerSecond: 40e9 },
  ],
};

const times = { started: 0, prepared: 500, opened: 1000, ended: 11000 };

/** A node of GFLOP and MB over ten runs. */
function node(kernel: string, giga: number, mega: number, seconds: number): NodeProfile {
  const cost = { flops: giga * 1e9, bytes: mega * 1e6 };
  return { kernel, cost, seconds, idleSeconds: seconds / 8 };
}

const training = {
  program: "train 16×64",
  runs: 10,
  encodeSeconds: 0.25,
  submitSeconds: 0,
  nodes: [
    node("add", 0.001, 30, 1),
    node("matmul", 20, 10, 5),
    node("fill", 0, 0.1, 0.02),
    node("matmul", 10, 10, 2.5),
    node("copy", 0, 0.1, 0.01),
  ],
};

const onCpu: ExecutorProfile = {
  clock: "threads",
  programs: [training],
  writeSeconds: 0.125,
  readSeconds: 0.125,
};

const onGpu: ExecutorProfile = {
  clock: "timestamps",
  programs: [{
    ...training,
    submitSeconds: 1,
    nodes: [
      node("matmul vector a_depth b_depth bias low_rank residual ROW_LANES=8", 20, 10, 7),
      node("add", 0.001, 30, 1),
    ],
    step: { encodeSeconds: 0.002, gpuSeconds: 0.8 },
  }],
  writeSeconds: 0.125,
  readSeconds: 6,
};

const cpu = { kind: "cpu", description: "CPU, WebAssembly SIMD", threads: 2 } as const;
const gpu = { kind: "webgpu", description: "Some GPU" } as const;

Deno.test("runProfile() deals a CPU's time over kernels and the rest, and all of it", () => {
  const { total, idle: _, ...parts } = runProfile(cpu, onCpu, ceiling, times).seconds;
  assert.equal(total, 11);
  assert.deepEqual(parts, {
    preparing: 0.5,
    opening: 0.5,
    kernels: 8.53,
    encoding: 0.25,
    submitting: 0,
    writing: 0.125,
    reading: 0.125,
    host: 10 - 8.53 - 0.5,
  });
});

Deno.test("runProfile() leaves a GPU's kernels out of the thread's time", () => {
  const { kernels, encoding, submitting, writing, reading, host } =
    runProfile(gpu, onGpu, ceiling, times).seconds;
  assert.equal(kernels, 8);
  assert.equal(encoding + submitting + writing + reading + host, 10);
});

Deno.test("profileText() is a table a kernel, a table of the run's time, and what to note", () => {
  assert.deepEqual(profileText(runProfile(cpu, onCpu, ceiling, times)), [
    "",
    "Profile  CPU, WebAssembly SIMD (2 threads)",
    "Ceiling  100.0 GFLOP/s; GB/s: 90.0 in 256 KiB, 80.0 in 4 MiB, 40.0 in memory",
    "",
    "kernel             calls  seconds    share  GFLOP/s  GB/s  of ceiling     idle",
    "matmul                20    7.500   87.9 %     40.0   0.0   40 % compute  13 %",
    "add                   10    1.000   11.7 %      0.0   0.3    1 % memory   13 %",
    "other (2 kernels)     20    0.030    0.4 %        –   0.1    0 % memory   13 %",
    "all kernels           50    8.530  100.0 %     35.2   0.1   35 % compute  13 %",
    "",
    "the run                                                  seconds    share",
    "model files, data and tokens                               0.500    4.5 %",
    "opening the device                                         0.500    4.5 %",
    "kernels                                                    8.530   77.5 %",
    "starting runs                                              0.250    2.3 %",
    "writing buffers                                            0.125    1.1 %",
    "reading buffers                                            0.125    1.1 %",
    "rest of the host: batches, messages, aggregation, files    0.970    8.8 %",
    "total                                                     11.000  100.0 %",
    "",
    `The 2 threads waited for one another for 12.5 % of the kernels' time ("idle").`,
  ]);
});

Deno.test("profileText() breaks long names of variants and tells what a run takes to encode on a GPU", () => {
  assert.deepEqual(profileText(runProfile(gpu, onGpu, ceiling, times)), [
    "",
    "Profile  Some GPU",
    "Ceiling  100.0 GFLOP/s; GB/s: 90.0 in 256 KiB, 80.0 in 4 MiB, 40.0 in memory",
    "",
    "kernel                              calls  seconds    share  GFLOP/s  GB/s  of ceiling",
    "matmul vector a_depth b_depth bias     10    7.000   87.5 %     28.6   0.0   29 % compute",
    "  low_rank residual ROW_LANES=8",
    "add                                    10    1.000   12.5 %      0.0   0.3    1 % memory",
    "all kernels                            20    8.000  100.0 %     25.0   0.1   25 % compute",
    "",
    "the run                                                  seconds    share",
    "model files, data and tokens                               0.500    4.5 %",
    "opening the device                                         0.500    4.5 %",
    "encoding                                                   0.250    2.3 %",
    "submitting, waiting for room in the queue                  1.000    9.1 %",
    "writing buffers                                            0.125    1.1 %",
    "reading buffers, waiting for the GPU                       6.000   54.5 %",
    "rest of the host: batches, messages, aggregation, files    2.625   23.9 %",
    "total                                                     11.000  100.0 %",
    "",
    "The GPU was in kernels for 80.0 % of the time since it was opened.",
    'A run of "train 16×64": 2.00 ms to encode, 800 ms on the GPU, ratio 0.003',
  ]);
});

Deno.test("profileText() says so where the GPU has no timestamps", () => {
  const wall: ExecutorProfile = {
    ...onGpu,
    clock: "wall",
    programs: [{ ...training, nodes: [node("train 16×64", 30, 50, 8)] }],
  };
  const lines = profileText(runProfile(gpu, wall, ceiling, times));
  assert.ok(lines.some((line) => line.startsWith("train 16×64 ")));
  assert.match(lines[lines.length - 1], /no timestamps/);
});

Deno.test("profileText() fits 100 characters with the longest names and large numbers", () => {
  const features = Array.from({ length: 12 }, (_, i) => `FEATURE_${i}=16`).join(" ");
  const fast: Ceiling = {
    flopsPerSecond: 80e12,
    bandwidths: [{ workingSet: 2 ** 28, bytesPerSecond: 9e12 }],
  };
  // At 60 TFLOP/s, and at 4 TB/s.
  const large = [node(`matmul ${features}`, 486, 100, 1e4), node("add", 1, 292, 9e4)];
  for (const device of [gpu, { ...cpu, threads: 256 }]) {
    const nodes = device.kind === "cpu"
      ? large.map((node) => ({ ...node, kernel: "layer_norm_parameter_backward" }))
      : large;
    const profile: ExecutorProfile = {
      ...onGpu,
      programs: [{ ...training, runs: 1_234_567, nodes }],
    };
    const ended = 1e9;
    const lines = profileText(runProfile(device, profile, fast, { ...times, ended }));
    for (const line of lines) assert.ok(line.length <= 100, `${line.length}: ${line}`);
  }
});
