import assert from "node:assert/strict";
import type { Device, Tuning } from "../../../src/engine/device.ts";
import { layerNorm } from "../../../src/engine/ops/layer_norm.ts";
import { maskedSoftmax } from "../../../src/engine/ops/masked_softmax.ts";
import { linear } from "../../../src/engine/ops/matmul.ts";
import { matmulVariants } from "../../../src/engine/ops/matmul_variants.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../../../src/engine/program.ts";
import { openDevice } from "../../../src/engine/webgpu/adapter.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";
import { openStopwatch } from "../../../src/engine/webgpu/stopwatch.ts";
import { testDevices } from "../devices.ts";

const ignore = testDevices.find(({ name }) => name === "webgpu")!.ignore;
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore, fn });

/** Few variants suit a result of 4×4, so that few are compiled. */
const KIND = "matmul 4x65536x4 NT";

function narrow(): Program {
  const program = createProgram("narrow");
  const x = bufferTensor(program, "input", "x", [4, 65_536]);
  const w = bufferTensor(program, "weight", "w", [4, 65_536]);
  keepAs(program, linear(program, x, w), "y");
  return program;
}

async function suitingNames(): Promise<readonly string[]> {
  const { info } = await createWebgpuDevice();
  return matmulVariants.suiting(narrow().nodes[0] as never, info.software!);
}

/** The product of the same numbers, and what the executor says of itself. */
async function run(
  device: Device,
): Promise<{ y: ArrayLike<number>; tuning: Tuning; kernels: readonly string[] }> {
  const executor = await device.load([narrow()]);
  try {
    const numbers = (step: number) =>
      Float32Array.from({ length: 4 * 65_536 }, (_, i) => Math.sin(i * step));
    executor.write("x", numbers(0.37));
    executor.write("w", numbers(1.91));
    executor.run("narrow");
    const { tuning, kernels } = executor.device;
    return { y: await executor.read("y"), tuning: tuning!, kernels: kernels! };
  } finally {
    await executor.close();
  }
}

test("load() takes the preferred variant where it does not measure, and names it", async () => {
  const device = await createWebgpuDevice({ measure: false });
  const { tuning } = await run(device);
  const [preferred] = await suitingNames();
  assert.deepEqual(tuning, { [KIND]: preferred });
});

test("load() uses the variants that it is given, to the byte of the run that chose them", async () => {
  const [first, other] = ["4x4", "8x4 parts 4"];
  const results = [];
  for (const variant of [first, other]) {
    const given = { [KIND]: variant, "matmul of another run": "16x8" };
    const chosen = await run(await createWebgpuDevice({ tuning: given }));
    assert.deepEqual(chosen.tuning, { [KIND]: variant });
    const repeated = await run(await createWebgpuDevice({ tuning: chosen.tuning, measure: true }));
    assert.deepEqual(repeated, chosen);
    results.push(chosen.y);
  }
  // The order of the sums is the variant's own: without the record, another choice gives other bytes.
  assert.notDeepEqual(results[0], results[1]);
});

test("load() measures what is not known when asked, once, and tells how far it is", async () => {
  const heard: [number, number][] = [];
  const device = await createWebgpuDevice({
    measure: true,
    onMeasure: (done, total) => heard.push([done, total]),
  });
  const first = await run(device);
  assert.ok((await suitingNames()).includes(first.tuning[KIND]), first.tuning[KIND]);
  assert.deepEqual(heard, [[0, 1], [1, 1]]);
  const { y, tuning } = await run(device);
  // In how many pieces a kernel runs follows from the pace measured with it, and not what it computes.
  assert.deepEqual({ y, tuning }, { y: first.y, tuning: first.tuning });
  assert.equal(heard.length, 2, "nothing is measured twice");
});

test("load() leaves all buffers zero when it measured on them", async () => {
  const program = createProgram("softmax");
  const scores = bufferTensor(program, "input", "scores", [1, 1, 256, 256]);
  const mask = bufferTensor(program, "input", "mask", [1, 256], "u32");
  const gamma = bufferTensor(program, "weight", "gamma", [256]);
  const beta = bufferTensor(program, "weight", "beta", [256]);
  const normalised = layerNorm(program, scores, gamma, beta, 1e-5);
  keepAs(program, program.nodes[0].outputs[1], "statistics");
  keepAs(program, maskedSoftmax(program, normalised, mask, 1, true), "probabilities");
  const heard: number[] = [];
  const device = await createWebgpuDevice({
    measure: true,
    onMeasure: (done) => heard.push(done),
  });
  const executor = await device.load([program]);
  try {
    assert.deepEqual(heard, [0, 1, 2]);
    for (const buffer of ["statistics", "probabilities"]) {
      assert.ok((await executor.read(buffer)).every((value) => value === 0), buffer);
    }
    executor.run("softmax");
    assert.ok((await executor.read("statistics")).some((value) => value !== 0));
  } finally {
    await executor.close();
  }
});

test("load() refuses a variant that it does not know by name", async () => {
  const device = await createWebgpuDevice({ tuning: { [KIND]: "9x9" } });
  await assert.rejects(device.load([narrow()]), {
    name: "RangeError",
    message: /^Cannot compute matmul by "9x9": expected ROWSxCOLUMNS or shared/,
  });
});

for (const features of [["timestamp-query"], []] as GPUFeatureName[][]) {
  const clock = features.length > 0 ? "the GPU's clock" : "the wall clock";
  test(`openStopwatch() tells the seconds of each list by ${clock}`, async () => {
    const { device } = await openDevice(features);
    try {
      const dispatch = busyDispatch(device);
      const seconds = await (await openStopwatch(device, 0.5)).measure([[dispatch], [
        dispatch,
        dispatch,
      ]]);
      assert.equal(seconds.length, 2);
      assert.ok(seconds.every((value) => value > 0 && value < 10), `${seconds}`);
    } finally {
      await device.queue.onSubmittedWorkDone();
      device.destroy();
    }
  });
}

/** A dispatch of about a hundred thousand turns of a loop. */
function busyDispatch(device: GPUDevice) {
  const code = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  var sum: f32 = f32(id.x);
  for (var i: u32 = 0u; i < 2000u; i = i + 1u) { sum = sum * 0.99 + 1.0; }
  y[id.x] = sum;
}`;
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const buffer = device.createBuffer({ size: 4 * 64 * 64, usage: GPUBufferUsage.STORAGE });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  const cost = { flops: 0, bytes: 0 };
  return { pipeline, bindGroup, x: 64, y: 1, kernel: "busy", cost, seconds: 0 };
}
