import assert from "node:assert/strict";
import { DeviceLostError } from "../../../src/engine/device.ts";
import { gradients, placeIn } from "../../../src/engine/gradients.ts";
import { add } from "../../../src/engine/ops/add.ts";
import { copyTo } from "../../../src/engine/ops/copy.ts";
import { fill } from "../../../src/engine/ops/fill.ts";
import { layerNorm } from "../../../src/engine/ops/layer_norm.ts";
import {
  bufferTensor,
  createProgram,
  declareBuffer,
  keepAs,
  type Program,
  sliceTensor,
} from "../../../src/engine/program.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";
import { testDevices } from "../devices.ts";
import { runProgram } from "../run_program.ts";
import { captureDevices } from "./capture_devices.ts";

const ignore = testDevices.find(({ name }) => name === "webgpu")!.ignore;
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore, fn });

/** Copies one slice of a buffer to another slice of it. */
function clashing(): Program {
  const program = createProgram("clash");
  declareBuffer(program, { name: "packed", dtype: "f32", role: "state", length: 128 });
  const slice = (name: string, offset: number) =>
    sliceTensor(program, "packed", name, [64], offset);
  copyTo(program, slice("first", 0), slice("second", 64));
  return program;
}

test("load() names the tensor when a node reads and writes one buffer", async () => {
  const device = await createWebgpuDevice();
  await assert.rejects(device.load([clashing()]), {
    message: 'Cannot record copy: "second" shares a buffer with one of its inputs',
  });
});

test("load() runs a node that writes two slices of one buffer", async () => {
  const program = createProgram("two slices");
  const x = bufferTensor(program, "input", "x", [2, 64]);
  const gamma = bufferTensor(program, "weight", "gamma", [64]);
  const beta = bufferTensor(program, "weight", "beta", [64]);
  const y = layerNorm(program, x, gamma, beta, 1e-5);
  declareBuffer(program, { name: "gradient", dtype: "f32", role: "output", length: 128 });
  placeIn(program, gradients(program, y, [gamma, beta]), [
    sliceTensor(program, "gradient", "dgamma", [64], 0),
    sliceTensor(program, "gradient", "dbeta", [64], 64),
  ]);
  const halves = Float32Array.from({ length: 128 }, (_, i) => i % 64 < 32 ? -1 : 1);
  const { gradient } = await runProgram(await createWebgpuDevice(), program, { x: halves }, [
    "gradient",
  ]);
  for (let i = 0; i < 64; i++) {
    // Two rows, each already normalised; dy is 1.
    assert.ok(Math.abs(gradient[i] - 2 * halves[i]) < 1e-4, `dgamma[${i}] is ${gradient[i]}`);
    assert.equal(gradient[64 + i], 2);
  }
});

test("run() covers every element when a node needs more than 65,535 workgroups", async () => {
  const count = 256 * 65_535 + 300;
  const program = createProgram("large");
  keepAs(program, fill(program, [count], 1.5), "y");
  const executor = await (await createWebgpuDevice()).load([program]);
  try {
    executor.run("large");
    for (const start of [0, 256 * 65_535 - 300, count - 600]) {
      assert.deepEqual(await executor.read("y", start, 600), new Float32Array(600).fill(1.5));
    }
  } finally {
    await executor.close();
  }
});

test("load() names the buffer when it is larger than the adapter allows", async () => {
  const program = createProgram("huge");
  bufferTensor(program, "weight", "table", [2 ** 25, 2 ** 25]);
  const device = await createWebgpuDevice();
  await assert.rejects(device.load([program]), {
    name: "DeviceMemoryError",
    message:
      /^Cannot place "table" on the WebGPU device: expected at most \d+ bytes, got 4503599627370496$/,
  });
});

test("load() tells too little memory from a failing device, and gives the device back", async () => {
  // The memory of an adapter is not a test's to use up.
  const { popErrorScope } = GPUDevice.prototype;
  GPUDevice.prototype.popErrorScope = () =>
    Promise.resolve(new GPUOutOfMemoryError("not enough memory left"));
  try {
    await captureDevices(async (opened) => {
      const program = createProgram("small");
      bufferTensor(program, "weight", "x", [2 ** 18]);
      await assert.rejects((await createWebgpuDevice()).load([program]), {
        name: "DeviceMemoryError",
        message: "Cannot allocate 1 MiB on the WebGPU device: it has not so much memory left",
      });
      assert.equal((await opened[0].lost).reason, "destroyed");
    });
  } finally {
    GPUDevice.prototype.popErrorScope = popErrorScope;
  }
});

test("load() gives its device back when it fails", async () => {
  await captureDevices(async (opened) => {
    const device = await createWebgpuDevice();
    await assert.rejects(device.load([clashing()]));
    assert.equal(opened.length, 1);
    assert.equal((await opened[0].lost).reason, "destroyed");
  });
});

Deno.test({
  name: "close() frees the memory at once",
  // Only a software adapter's memory is the process's own.
  ignore: ignore || !(await createWebgpuDevice()).info.software,
  async fn() {
    const bytes = 2 ** 28;
    const program = createProgram("large");
    bufferTensor(program, "weight", "table", [bytes / 4]);
    const executor = await (await createWebgpuDevice()).load([program]);
    executor.clear("table");
    await executor.read("table", 0, 1);
    const before = Deno.memoryUsage().rss;
    await executor.close();
    const freed = before - Deno.memoryUsage().rss;
    assert.ok(freed > 0.9 * bytes, `${freed} of ${bytes} bytes were freed`);
  },
});

test("read() throws DeviceLostError when the device went away", async () => {
  await captureDevices(async (opened) => {
    const program = createProgram("lost");
    const x = bufferTensor(program, "input", "x", [4]);
    keepAs(program, add(program, x, x), "y");
    const executor = await (await createWebgpuDevice()).load([program]);
    executor.run("lost");
    opened[0].destroy();
    await assert.rejects(executor.read("y"), DeviceLostError);
    await opened[0].lost;
    assert.throws(() => executor.run("lost"), DeviceLostError);
    assert.throws(() => executor.write("x", new Float32Array(4)), DeviceLostError);
    await assert.rejects(executor.read("y"), DeviceLostError);
    await executor.close();
  });
});

test("an executor throws DeviceLostError when the device reports an error", async () => {
  await captureDevices(async (opened) => {
    const program = createProgram("failed");
    const x = bufferTensor(program, "input", "x", [4]);
    keepAs(program, add(program, x, x), "y");
    const executor = await (await createWebgpuDevice()).load([program]);
    try {
      opened[0].createBuffer({ size: 4, usage: 0 });
      await executor.read("x").catch(() => {});
      assert.throws(() => executor.run("failed"), {
        name: "DeviceLostError",
        message: /^The WebGPU device failed: /,
      });
    } finally {
      await executor.close();
    }
  });
});
