import assert from "node:assert/strict";
import { describeMachine, machineLine, readPeakMemory } from "../../../bench/harness/machine.ts";

Deno.test("readPeakMemory() reads Linux's kibibytes", () => {
  assert.equal(readPeakMemory("VmPeak:\t  900 kB\nVmHWM:\t   200 kB\nVmRSS:\t 100 kB\n"), 204800);
  assert.equal(readPeakMemory("Name:\tdeno\n"), undefined);
});

Deno.test("machineLine() says that an adapter is software, or that there is none", () => {
  const machine = {
    processor: "P",
    cores: 2,
    memory: 24,
    system: "linux 6",
    deno: "2.9.6",
  };
  assert.equal(machineLine(machine), "P, 2 cores, 24 GiB, linux 6, Deno 2.9.6, no WebGPU adapter");
  const adapter = { description: "A", software: true };
  assert.match(machineLine({ ...machine, adapter }), /, A \(software\)$/);
});

Deno.test("describeMachine() finds out what it can", async () => {
  const { processor, cores, memory } = await describeMachine();
  assert.ok(processor.length > 0 && cores >= 1 && memory > 0);
});
