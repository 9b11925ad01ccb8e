import assert from "node:assert/strict";
import {
  compileCeilingLoops,
  openCeilingLoops,
  TRIAD_BYTES,
} from "../../../src/engine/profile/cpu_ceiling_kernel.ts";

const compiled = compileCeilingLoops();

for (const [name, module] of [["WebAssembly", compiled], ["plain", undefined]] as const) {
  Deno.test(`openCeilingLoops() adds half of one vector to another over whole vectors and nothing beyond [${name}]`, () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const values = new Float32Array(memory.buffer);
    const count = 3 * TRIAD_BYTES / 4;
    values.forEach((_, i) => values[i] = i);
    openCeilingLoops(memory, module).triad(0, 4096, 8192, 4 * count);
    for (let i = 0; i < count; i++) assert.equal(values[i], 1024 + i + (2048 + i) / 2);
    assert.equal(values[count], count);
  });

  Deno.test(`openCeilingLoops() multiplies and adds until the sums settle [${name}]`, () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const values = new Float32Array(memory.buffer).fill(0.5, 0, 4);
    openCeilingLoops(memory, module).multiplyAdd(0, 50);
    // s = ½·s + ½ goes to 1; the result adds up the sums.
    assert.equal(values[4], module === undefined ? 4 : 12);
    assert.deepEqual([...values.subarray(0, 4)], [0.5, 0.5, 0.5, 0.5]);
  });
}

Deno.test("compileCeilingLoops() gives a module wherever WebAssembly has SIMD", () => {
  assert.ok(compiled !== undefined);
});
