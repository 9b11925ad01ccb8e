import assert from "node:assert/strict";
import { copyTo } from "../../../src/engine/ops/copy.ts";
import { fill } from "../../../src/engine/ops/fill.ts";
import {
  bufferTensor,
  createProgram,
  declareBuffer,
  keepAs,
  sliceTensor,
} from "../../../src/engine/program.ts";
import { onEveryDevice } from "../devices.ts";
import { normalNumbers } from "../op_testing.ts";

const sizes = [1, 255, 256, 4097];

onEveryDevice("fill() sets every element when the value is any f32", async (device) => {
  const cases = sizes.flatMap((size) => [0, -0, 1.5, -3.25e-20].map((value) => ({ size, value })));
  const programs = cases.map(({ size, value }, i) => {
    const program = createProgram(`fill ${i}`);
    keepAs(program, fill(program, [size], value), `y ${i}`);
    return program;
  });
  const executor = await device.load(programs);
  try {
    for (const [i, { size, value }] of cases.entries()) {
      executor.run(`fill ${i}`);
      assert.deepEqual(await executor.read(`y ${i}`), new Float32Array(size).fill(value));
    }
  } finally {
    await executor.close();
  }
});

onEveryDevice(
  "copyTo() copies every bit and leaves its surroundings when the target is a slice",
  async (device) => {
    const programs = sizes.map((size) => {
      const program = createProgram(`copy ${size}`);
      const x = bufferTensor(program, "input", `x ${size}`, [size]);
      const length = 64 + size + 5;
      declareBuffer(program, { name: `packed ${size}`, dtype: "f32", role: "output", length });
      copyTo(program, x, sliceTensor(program, `packed ${size}`, "slice", [size], 64));
      return program;
    });
    const executor = await device.load(programs);
    try {
      for (const size of sizes) {
        const x = normalNumbers(`copied ${size}`, size);
        x[0] = -0;
        if (size > 3) x.set([Infinity, -Infinity, 3e38], 1);
        executor.write(`x ${size}`, x);
        executor.write(`packed ${size}`, new Float32Array(64 + size + 5).fill(7));
        executor.run(`copy ${size}`);
        const expected = new Float32Array(64 + size + 5).fill(7);
        expected.set(x, 64);
        assert.deepEqual(await executor.read(`packed ${size}`), expected);
      }
    } finally {
      await executor.close();
    }
  },
);
