/** Both devices' ceilings. How high they are is the machine's; that they are numbers, and complete, is ours. */

import assert from "node:assert/strict";
import type { Ceiling } from "../../../src/engine/profile/ceiling.ts";
import { measureCpuCeiling } from "../../../src/engine/profile/cpu_ceiling.ts";
import { measureWebgpuCeiling } from "../../../src/engine/profile/webgpu_ceiling.ts";
import { requireAdapter } from "../../../src/engine/webgpu/adapter.ts";
import { countedWorkers } from "../cpu/counted_workers.ts";
import { testDevices } from "../devices.ts";

const workerModule = new URL("../../../src/engine/profile/ceiling_worker.ts", import.meta.url);

function checkCeiling({ flopsPerSecond, bandwidths }: Ceiling): void {
  assert.ok(flopsPerSecond > 0 && Number.isFinite(flopsPerSecond), `${flopsPerSecond} FLOP/s`);
  assert.equal(bandwidths.length, 3);
  bandwidths.forEach(({ workingSet, bytesPerSecond }, i) => {
    assert.ok(bytesPerSecond > 0 && Number.isFinite(bytesPerSecond), `${bytesPerSecond} bytes/s`);
    assert.ok(i === 0 || workingSet > bandwidths[i - 1].workingSet);
  });
}

for (const threads of [1, 3]) {
  Deno.test(`measureCpuCeiling() measures ${threads} threads and ends the workers`, async () => {
    let left = 0;
    const startWorker = (): Worker => {
      const worker = new Worker(workerModule, { type: "module" });
      worker.addEventListener("message", ({ data }) => void (data === "left" && left++));
      return worker;
    };
    checkCeiling(await measureCpuCeiling(threads, startWorker));
    assert.equal(left, threads - 1);
  });
}

Deno.test("measureCpuCeiling() ends all workers when one cannot start", async () => {
  const { count, startWorker } = countedWorkers(
    new URL("../cpu/broken_worker.ts", import.meta.url),
    workerModule,
  );
  await assert.rejects(measureCpuCeiling(3, startWorker), {
    message: /^Cannot measure the processor: a worker failed: /,
  });
  assert.deepEqual(count, { started: 2, ended: 2 });
});

Deno.test("measureCpuCeiling() refuses threads that are no whole number of at least 1", async () => {
  for (const threads of [0, -1, 1.5, NaN]) {
    await assert.rejects(measureCpuCeiling(threads), RangeError);
  }
});

const ignore = testDevices.find(({ name }) => name === "webgpu")!.ignore;
for (const wanted of ["timestamp-query", undefined] as const) {
  Deno.test({
    name: `measureWebgpuCeiling() measures ${wanted ? "by timestamps" : "by the clock"}`,
    ignore,
    async fn() {
      const adapter = await requireAdapter();
      const features = wanted && adapter.features.has(wanted) ? [wanted] : [];
      const device = await adapter.requestDevice({ requiredFeatures: features });
      try {
        checkCeiling(await measureWebgpuCeiling(device));
      } finally {
        device.destroy();
      }
    },
  });
}
