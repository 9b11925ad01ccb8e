import assert from "node:assert/strict";
import type { BufferData, Device } from "../../../src/engine/device.ts";
import { lower } from "../../../src/engine/lower.ts";
import { layerNorm } from "../../../src/engine/ops/layer_norm.ts";
import { linear } from "../../../src/engine/ops/matmul.ts";
import { operation } from "../../../src/engine/ops/registry.ts";
import { bufferTensor, createProgram, keepAs } from "../../../src/engine/program.ts";
import { surePace } from "../../../src/engine/webgpu/dispatch.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";
import { runProgram } from "../run_program.ts";
import { testDevices } from "../devices.ts";
import { decoderTraining, encoderTraining, type TrainingProgram } from "../training_programs.ts";
import { captureDevices } from "./capture_devices.ts";

const open = (longestSeconds?: number): Promise<Device> =>
  createWebgpuDevice({ measure: false, ...(longestSeconds && { longestSeconds }) });

/** Seconds that any node here takes longer than. */
async function veryShort(): Promise<number> {
  const { info } = await open();
  return 100 / surePace(info.software!, 1).flopsPerSecond;
}

const ignore = testDevices.find(({ name }) => name === "webgpu")!.ignore;
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore, fn });

/** What two training steps leave, and in how many command buffers the second one was submitted. */
async function twoSteps(
  device: Device,
  { program, initial, step }: TrainingProgram,
): Promise<{ results: BufferData[]; submits: number; kernels: readonly string[] }> {
  return await captureDevices(async (opened) => {
    const executor = await device.load([program]);
    const { queue } = opened[0];
    const submit = queue.submit.bind(queue);
    let submits = 0;
    queue.submit = (commands) => {
      submits++;
      submit(commands);
    };
    try {
      for (const [buffer, data] of Object.entries(initial)) executor.write(buffer, data);
      for (let index = 0; index < 2; index++) {
        for (const [buffer, data] of Object.entries(step(index))) executor.write(buffer, data);
        submits = 0;
        executor.run(program.name);
      }
      const inLastStep = submits;
      const results: BufferData[] = [];
      for (const buffer of ["gradient", "parameters", "sensitivity", "losses"]) {
        results.push(await executor.read(buffer));
      }
      return { results, submits: inLastStep, kernels: executor.device.kernels! };
    } finally {
      await executor.close();
    }
  });
}

for (const training of [encoderTraining(), decoderTraining()]) {
  test(`run() cuts nodes and command buffers of a small ${training.program.name} when they might take too long, and computes the same bytes`, async () => {
    const whole = await twoSteps(await open(), training);
    assert.equal(whole.submits, 1);
    assert.ok(whole.kernels.every((kernel) => !kernel.includes("first_workgroup")));

    const cut = await twoSteps(await open(await veryShort()), training);
    assert.ok(cut.submits > training.program.nodes.length / 2, `${cut.submits} submits`);
    const names = cut.kernels.filter((kernel) => kernel.includes("first_workgroup"))
      .map((kernel) => kernel.split(" ")[0]);
    for (const operation of ["layer_norm", "rms_norm", "embedding_backward"]) {
      const present = training.program.nodes.some(({ op }) => op === operation);
      assert.equal(names.includes(operation), present, operation);
    }
    assert.deepEqual(cut.results, whole.results);
  });
}

test("profile() times a whole run that is cut into command buffers", async () => {
  const { program, initial, step } = encoderTraining();
  const device = await createWebgpuDevice({
    measure: false,
    profile: true,
    longestSeconds: await veryShort(),
  });
  const executor = await device.load([program]);
  try {
    for (const [buffer, data] of Object.entries(initial)) executor.write(buffer, data);
    for (const [buffer, data] of Object.entries(step(0))) executor.write(buffer, data);
    for (let run = 0; run < 4; run++) executor.run(program.name);
    await executor.read("losses", 0, 1);
    const { clock, programs: [profile] } = await executor.profile!();
    assert.equal(profile.runs, 4);
    if (clock !== "timestamps") return;
    const { gpuSeconds } = profile.step!;
    assert.ok(gpuSeconds > 0 && gpuSeconds < 100, `${gpuSeconds} s`);
  } finally {
    await executor.close();
  }
});

test("run() computes the same bytes when the parts of a product are cut into pieces", async () => {
  const program = createProgram("product");
  const x = bufferTensor(program, "input", "x", [260, 150]);
  const w = bufferTensor(program, "weight", "w", [130, 150]);
  keepAs(program, linear(program, x, w), "y");
  const inputs = {
    x: Float32Array.from({ length: 260 * 150 }, (_, i) => Math.sin(i)),
    w: Float32Array.from({ length: 130 * 150 }, (_, i) => Math.cos(i)),
  };
  const y = [];
  for (const longestSeconds of [1, await veryShort()]) {
    const tuning = { "matmul 260x150x130 NT": "8x4 parts 4" };
    const device = await createWebgpuDevice({ tuning, longestSeconds });
    y.push((await runProgram(device, program, inputs, ["y"])).y);
  }
  assert.deepEqual(y[1], y[0]);
  assert.ok(y[0].every((value) => value !== 0));
});

test("run() covers every row once when pieces of a node need more than 65,535 workgroups", async () => {
  const rows = 300_000;
  const program = createProgram("tall");
  const x = bufferTensor(program, "input", "x", [rows, 4]);
  const gamma = bufferTensor(program, "weight", "gamma", [4]);
  const beta = bufferTensor(program, "weight", "beta", [4]);
  keepAs(program, layerNorm(program, x, gamma, beta, 1e-5), "y");
  const inputs = {
    x: Float32Array.from({ length: 4 * rows }, (_, i) => Math.sin(i)),
    gamma: Float32Array.of(1, 2, 3, 4),
    beta: Float32Array.of(4, 3, 2, 1),
  };
  // Two pieces of 150,000 workgroups, each brought down to two whole rows of 65,535.
  const { info } = await open();
  const pace = surePace(info.software!, 1);
  const [{ op }] = program.nodes;
  const { flops, bytes } = operation(op).cost(lower(program).nodes[0]);
  const whole = flops / pace.flopsPerSecond + bytes / pace.bytesPerSecond;
  const y = [];
  for (const longestSeconds of [whole, 0.6 * whole]) {
    const device = await open(longestSeconds);
    y.push((await runProgram(device, lower(program), inputs, ["y"])).y);
  }
  assert.deepEqual(y[1], y[0]);
  assert.ok(y[0].every((value) => value !== 0));
});
