import assert from "node:assert/strict";
import {
  describeAdapter,
  findAdapter,
  isSoftware,
  NoAdapterError,
} from "../../../src/engine/webgpu/adapter.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";

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
