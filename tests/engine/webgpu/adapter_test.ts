import assert from "node:assert/strict";
import {
  describeAdapter,
  findAdapter,
  isSoftware,
  NoAdapterError,
} from "../../../src/engine/webgpu/adapter.ts";
import { DeviceLostError } from "../../../src/engine/device.ts";
import { createProgram } from "../../../src/engine/program.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";
import { testDevices } from "../devices.ts";

function adapter(info: Partial<Record<keyof GPUAdapterInfo | "isFallbackAdapter", unknown>>) {
  return { info: { description: "", vendor: "", device: "", ...info } } as unknown as GPUAdapter;
}

Deno.test("isSoftware() tells an adapter that runs on the CPU by its flag or its name", () => {
  assert.equal(isSoftware(adapter({ description: "llvmpipe (LLVM 15.0.6, 256 bits)" })), true);
  assert.equal(isSoftware(adapter({ device: "SwiftShader Device" })), true);
  assert.equal(isSoftware(adapter({ description: "A GPU", isFallbackAdapter: true })), true);
  assert.equal(isSoftware(adapter({ description: "A GPU", isFallbackAdapter: false })), false);
});

Deno.test("describeAdapter() takes what is known when there is no description", () => {
  assert.equal(describeAdapter(adapter({ description: "A GPU", vendor: "v" })), "A GPU");
  assert.equal(describeAdapter(adapter({ vendor: "v", device: "d" })), "v d");
  assert.equal(describeAdapter(adapter({})), "unnamed adapter");
});

Deno.test("createWebgpuDevice() names the driver package when no adapter answers", async () => {
  const requestAdapter = GPU.prototype.requestAdapter;
  GPU.prototype.requestAdapter = () => Promise.resolve(null);
  try {
    assert.equal(await findAdapter(), undefined);
    await assert.rejects(createWebgpuDevice(), (error: Error) => {
      assert.ok(error instanceof NoAdapterError);
      assert.match(error.message, /^Cannot open a WebGPU device: .*mesa-vulkan-drivers/);
      return true;
    });
  } finally {
    GPU.prototype.requestAdapter = requestAdapter;
  }
});

Deno.test({
  name: "load() tells what a driver says that opens no device",
  ignore: testDevices.find(({ name }) => name === "webgpu")!.ignore,
  async fn() {
    const requestDevice = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = () =>
      Promise.reject(new DOMException("Parent device is lost", "OperationError"));
    try {
      const device = await createWebgpuDevice({ measure: false });
      await assert.rejects(device.load([createProgram("nothing")]), (error: Error) => {
        assert.ok(error instanceof DeviceLostError);
        assert.match(
          error.message,
          /^Cannot open a device on .+: Parent device is lost \(its driver/,
        );
        return true;
      });
    } finally {
      GPUAdapter.prototype.requestDevice = requestDevice;
    }
  },
});
