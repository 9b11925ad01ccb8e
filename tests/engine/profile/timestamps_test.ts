import assert from "node:assert/strict";
import { openTimestamps } from "../../../src/engine/profile/timestamps.ts";
import { requireAdapter } from "../../../src/engine/webgpu/adapter.ts";
import { testDevices } from "../devices.ts";

const ignore = testDevices.find(({ name }) => name === "webgpu")!.ignore ||
  !(await requireAdapter()).features.has("timestamp-query");

async function withDevice(
  requiredFeatures: GPUFeatureName[],
  body: (device: GPUDevice) => Promise<void>,
): Promise<void> {
  const device = await (await requireAdapter()).requestDevice({ requiredFeatures });
  try {
    await body(device);
  } finally {
    device.destroy();
  }
}

function timePasses(device: GPUDevice, writes: Iterable<GPUComputePassTimestampWrites>): void {
  const encoder = device.createCommandEncoder();
  for (const timestampWrites of writes) encoder.beginComputePass({ timestampWrites }).end();
  device.queue.submit([encoder.finish()]);
}

Deno.test({
  name: "openTimestamps() times as many passes as it has room for, over several query sets",
  ignore,
  fn: () =>
    withDevice(["timestamp-query"], async (device) => {
      const passes = 2500;
      const timestamps = (await openTimestamps(device, passes))!;
      for (const count of [passes, 0, 1]) {
        timePasses(device, Array.from({ length: count }, () => timestamps.next()));
        assert.equal(timestamps.room(), passes - count);
        const seconds = await timestamps.read();
        assert.equal(seconds.length, count);
        assert.ok(seconds.every((value) => value >= 0 && value < 60));
        assert.equal(timestamps.room(), passes);
      }
    }),
});

Deno.test({
  name: "openTimestamps() refuses more passes than it has room for",
  ignore,
  fn: () =>
    withDevice(["timestamp-query"], async (device) => {
      const timestamps = (await openTimestamps(device, 1))!;
      timestamps.next();
      assert.throws(() => timestamps.next(), RangeError);
    }),
});

Deno.test({
  name: "openTimestamps() gives nothing on a device without timestamps",
  ignore,
  fn: () =>
    withDevice([], async (device) => assert.equal(await openTimestamps(device, 1), undefined)),
});
