import assert from "node:assert/strict";
import { measureSpeed } from "../../../src/cli/doctor/speed.ts";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";

Deno.test("measureSpeed takes products by a device and the memory's bandwidth by its ceiling", async () => {
  const bandwidths = [2, 7].map((bytesPerSecond, i) => ({ workingSet: 1 + i, bytesPerSecond }));
  const speed = await measureSpeed(
    createCpuDevice({ threads: 1 }),
    () => Promise.resolve({ flopsPerSecond: 1, bandwidths }),
  );
  assert.equal(speed.memoryBytesPerSecond, 7, "the largest set's: no cache holds it");
  assert.deepEqual(Object.keys(await measureSpeed(createCpuDevice({ threads: 1 }))), [
    "matmulFlopsPerSecond",
  ]);
  assert.ok(speed.matmulFlopsPerSecond > 1e6 && speed.matmulFlopsPerSecond < 1e14);
});
