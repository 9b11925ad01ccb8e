import assert from "node:assert/strict";
import { runCli } from "./command.ts";

Deno.test("doctor --format json tells this machine in one object, and that it can train", async () => {
  const { code, out, err } = await runCli("doctor", ["--threads=1", "--format=json"]);
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(out.trimEnd().split("\n").length, 1);
  const report = JSON.parse(out);
  assert.equal(report.deno, Deno.version.deno);
  assert.equal(report.canTrain, true);
  assert.ok(report.memory.available <= report.memory.total);
  const [cpu] = report.devices;
  assert.deepEqual([cpu.kind, cpu.threads, cpu.failure], ["cpu", 1, undefined]);
  assert.ok(cpu.speed.matmulFlopsPerSecond > 0 && cpu.speed.memoryBytesPerSecond > 0);
  assert.equal(cpu.sizes[0].name, "built-in base");
  assert.equal(cpu.sizes[0].memory[0].fits, true);
  // An adapter is a device, the first one by which WebGPU is tried.
  assert.equal(report.devices.length, report.adapters.length > 0 ? 2 : 1);
  assert.equal(report.devices[1]?.description, report.adapters[0]?.description);
});

Deno.test("doctor says in one line what flag it does not know", async () => {
  const { code, out, err } = await runCli("doctor", ["--nettwork"]);
  assert.deepEqual([code, out], [2, ""]);
  assert.match(err, /^error: Unknown flag "--nettwork": did you mean "--network"\?\n$/);
});
