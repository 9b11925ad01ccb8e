import assert from "node:assert/strict";
import type { BufferData, Executor } from "../../../src/engine/device.ts";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import { bufferTensor, createProgram } from "../../../src/engine/program.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";
import { checkHalfReading, usesHalves } from "../../../src/engine/webgpu/half_check.ts";
import { testDevices } from "../devices.ts";
import { captureDevices } from "./capture_devices.ts";

/** The CPU device as a driver that gets one result of the check wrong. */
async function loadWrongly(
  programs: Parameters<ReturnType<typeof createCpuDevice>["load"]>[0],
  wrong: string,
  spoil: (data: BufferData) => void,
  closed: () => void = () => {},
): Promise<Executor> {
  const executor = await createCpuDevice({ threads: 1 }).load(programs);
  return {
    ...executor,
    async read(name) {
      const data = await executor.read(name);
      if (name === wrong) spoil(data);
      return data;
    },
    close() {
      closed();
      return executor.close();
    },
  };
}

Deno.test("checkHalfReading() passes a device that reads halves right", async () => {
  await checkHalfReading((programs) => createCpuDevice({ threads: 1 }).load(programs));
});

for (const wrong of ["embedded", "scalars", "rows", "columns"]) {
  Deno.test(`checkHalfReading() refuses a driver that reads zeros as ${wrong}, and frees it`, async () => {
    let closed = false;
    const load = (programs: Parameters<typeof loadWrongly>[0]) =>
      loadWrongly(programs, wrong, (data) => data.fill(0), () => closed = true);
    await assert.rejects(checkHalfReading(load), {
      name: "HalfPrecisionError",
      message:
        /^Cannot use weights in half precision on this WebGPU adapter: its driver reads [\d.e-]+ as 0$/,
    });
    assert.ok(closed);
  });
}

Deno.test("checkHalfReading() names a subnormal that is flushed to zero", async () => {
  const flush = (data: BufferData) =>
    data.forEach((value, i) => data[i] = Math.abs(value) < 2 ** -14 ? 0 : value);
  await assert.rejects(
    checkHalfReading((programs) => loadWrongly(programs, "embedded", flush)),
    { name: "HalfPrecisionError", message: new RegExp(`reads ${2 ** -24} as 0$`) },
  );
});

Deno.test({
  name: "load() checks once that the adapter reads halves, and only where programs have any",
  ignore: testDevices.find(({ name }) => name === "webgpu")!.ignore,
  async fn() {
    const [plain, half] = (["f32", "f16"] as const).map((dtype) => {
      const program = createProgram(dtype);
      bufferTensor(program, "weight", "w", [2], dtype);
      return program;
    });
    const device = await createWebgpuDevice();
    // Every executor has a GPUDevice of its own, the check's one too.
    const opened: number[] = [];
    for (const program of [plain, half, half]) {
      await captureDevices(async (devices) => {
        await (await device.load([program])).close();
        opened.push(devices.length);
      });
    }
    assert.deepEqual(opened, [1, 2, 1]);
  },
});

Deno.test("usesHalves() tells programs with weights of halves from others", () => {
  const plain = createProgram("plain");
  bufferTensor(plain, "weight", "w", [2]);
  const half = createProgram("half");
  bufferTensor(half, "weight", "w", [2], "f16");
  assert.equal(usesHalves([plain]), false);
  assert.equal(usesHalves([plain, half]), true);
});
