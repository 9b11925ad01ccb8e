import assert from "node:assert/strict";
import { findingsOf, type Found } from "../../../src/cli/doctor/checks.ts";
import type { DeviceReport } from "../../../src/cli/doctor/report.ts";

const device: DeviceReport = {
  kind: "cpu",
  description: "CPU",
  speed: { matmulFlopsPerSecond: 1e9, memoryBytesPerSecond: 1e9 },
  sizes: [{
    name: "built-in base",
    parameters: 10,
    memory: [{ baseDtype: "f32", recompute: false, bytes: 1, fits: true }],
  }],
};
const limits = {
  maxStorageBufferBindingSize: 1,
  maxBufferSize: 1,
  maxComputeWorkgroupStorageSize: 1,
  maxComputeInvocationsPerWorkgroup: 1,
};
const found: Found = {
  devices: [device],
  adapters: [{ description: "Some GPU", software: false, limits }],
  graphics: { os: "linux", osRelease: "ID=debian", loader: true, drivers: ["some.json"] },
  nativeCode: true,
  transformers: true,
};

function missing(changes: Partial<Found>): string[] {
  return findingsOf({ ...found, ...changes }).filter(({ there }) => !there)
    .map(({ name, needed }) => `${name}${needed ? ", needed" : ""}`);
}

Deno.test("findingsOf misses nothing on a whole machine, and asks no hub unless told", () => {
  assert.deepEqual(missing({}), []);
  assert.ok(!findingsOf(found).some(({ name }) => name === "Hub"));
});

Deno.test("findingsOf needs a device that works and memory for the built-in base, all else is comfort", () => {
  const [size] = device.sizes;
  const full = { ...device, sizes: [{ ...size, memory: [{ ...size.memory[0], fits: false }] }] };
  assert.deepEqual(missing({ devices: [full] }), ["Memory, needed"]);
  const broken = { ...device, failure: "no WebAssembly" };
  assert.deepEqual(missing({ devices: [broken] }), ["Device, needed", "Memory, needed"]);
  assert.deepEqual(missing({ devices: [broken, device] }), []);
  assert.deepEqual(missing({ adapters: [] }), ["GPU"]);
  assert.deepEqual(missing({ adapters: [{ description: "llvmpipe", software: true, limits }] }), [
    "GPU",
  ]);
  assert.deepEqual(missing({ nativeCode: false }), ["Native code"]);
  assert.deepEqual(missing({ transformers: false }), ["transformers.js"]);
  assert.deepEqual(missing({ hub: { reached: false, reason: "no route" } }), ["Hub"]);
});

Deno.test("findingsOf says what to install where no adapter answers", () => {
  const graphics = { ...found.graphics, drivers: [] };
  const gpu = findingsOf({ ...found, adapters: [], graphics }).find(({ name }) => name === "GPU")!;
  assert.match(
    gpu.text,
    /no Vulkan driver is installed; run: sudo apt-get update && .*mesa-vulkan/,
  );
});
