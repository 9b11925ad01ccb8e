import assert from "node:assert/strict";
import { accumulate } from "../../../src/engine/ops/accumulate.ts";
import { bufferTensor, createProgram } from "../../../src/engine/program.ts";
import { onEveryDevice } from "../devices.ts";
import { normalNumbers } from "../op_testing.ts";

// The last one is more than 65,535 workgroups.
for (const count of [1, 257, 5000, 2 ** 24 + 3]) {
  onEveryDevice(`accumulate() adds ${count} elements to what is there`, async (device) => {
    const program = createProgram("accumulating");
    const x = bufferTensor(program, "input", "x", [count]);
    accumulate(program, x, bufferTensor(program, "state", "total", [count]));
    const executor = await device.load([program]);
    try {
      const [one, other] = ["one", "other"].map((name) =>
        repeated(normalNumbers(name, 509), count)
      );
      for (const values of [one, other]) {
        executor.write("x", values);
        executor.run("accumulating");
      }
      const total = await executor.read("total");
      const wrong = total.findIndex((sum, i) => sum !== Math.fround(one[i] + other[i]));
      assert.equal(wrong, -1);
      executor.clear("total");
      executor.run("accumulating");
      assert.deepEqual(await executor.read("total"), other);
    } finally {
      await executor.close();
    }
  });
}

function repeated(values: Float32Array, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => values[i % values.length]);
}
