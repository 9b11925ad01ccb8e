import assert from "node:assert/strict";
import { deviceText } from "../../src/cli/device_text.ts";

const cpu = (threads: number) => ({ kind: "cpu", description: "CPU", threads }) as const;

Deno.test("deviceText() counts threads and warns when they outnumber the processors", () => {
  assert.equal(deviceText(cpu(1), 2), "CPU (1 thread)");
  assert.equal(deviceText(cpu(2), 2), "CPU (2 threads)");
  assert.equal(deviceText(cpu(9), 2), "CPU (9 threads, more than the 2 processors)");
  assert.equal(deviceText({ kind: "webgpu", description: "Some GPU" }, 2), "Some GPU");
});
