import assert from "node:assert/strict";
import { tryDevice } from "../../../src/cli/doctor/try_device.ts";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";

const known = { kind: "webgpu", description: "a card" } as const;

Deno.test("tryDevice() measures a device that works, under its own description", async () => {
  const cpu = createCpuDevice({ threads: 1 });
  const { speed, failure, ...info } = await tryDevice({ known, open: () => cpu });
  assert.deepEqual(info, cpu.info);
  assert.ok(speed!.matmulFlopsPerSecond > 0);
  assert.equal(failure, undefined);
});

Deno.test("tryDevice() tells of a device that cannot be opened, and of one that cannot be used", async () => {
  const failing = await tryDevice({
    known,
    open: () => Promise.reject(new Error("the driver refuses")),
  });
  assert.deepEqual(failing, { ...known, failure: "the driver refuses" });
  const { info } = createCpuDevice({ threads: 1 });
  const broken = { info, load: () => Promise.reject(new Error("out of memory")) };
  assert.deepEqual(await tryDevice({ known, open: () => broken }), {
    ...info,
    failure: "out of memory",
  });
});
