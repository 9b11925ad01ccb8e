/** Weights as bytes with a scale a row, from what is rounded to what a device stores. */

import assert from "node:assert/strict";
import { layOut } from "../../src/engine/cpu/layout.ts";
import { gradients } from "../../src/engine/gradients.ts";
import { dequantize, packInt8, quantizeRows } from "../../src/engine/int8.ts";
import { add } from "../../src/engine/ops/add.ts";
import { embedding } from "../../src/engine/ops/embedding.ts";
import { linear } from "../../src/engine/ops/matmul.ts";
import { planMemory } from "../../src/engine/plan.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../../src/engine/program.ts";
import { assertClose } from "../reference/compare.ts";
import * as reference from "../reference/linear.ts";
import { embedding as gathered } from "../reference/embedding.ts";
import { onEveryDevice } from "./devices.ts";
import { normalNumbers, roundedTo, wholeNumbers } from "./op_testing.ts";
import { runProgram } from "./run_program.ts";

Deno.test("quantizeRows() rounds to the nearest multiple of max|row| / 127", () => {
  const data = Float32Array.of(12.7, -0.14, 0.16, 0, 0, 0, -254, 127, 2.9);
  const values = new Int8Array(9), scales = new Float32Array(3);
  quantizeRows(data, 3, values, scales);
  assert.deepEqual([...values], [127, -1, 2, 0, 0, 0, -127, 64, 1]);
  assert.deepEqual([...scales], [Math.fround(0.1), 0, 2]);
});

Deno.test("quantizeRows() stays within half a scale, and reaches ±127 in every row", () => {
  const [rows, width] = [101, 37];
  const data = normalNumbers("rows", rows * width)
    .map((value, i) => value * 10 ** (Math.floor(i / width) % 60 - 30));
  const values = new Int8Array(data.length), scales = new Float32Array(rows);
  quantizeRows(data, width, values, scales);
  data.forEach((value, i) => {
    const scale = scales[Math.floor(i / width)];
    const error = Math.abs(values[i] * scale - value);
    assert.ok(error <= scale * (0.5 + 127 * 2 ** -23), `${value} is off by ${error / scale}`);
  });
  for (let row = 0; row < rows; row++) {
    const numbers = values.subarray(row * width, (row + 1) * width);
    assert.equal(numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0), 127);
  }
});

Deno.test("quantizeRows() makes zeros of a row whose scale would not be normal", () => {
  const values = new Int8Array(4).fill(1), scales = new Float32Array(2).fill(1);
  quantizeRows(Float32Array.of(1e-37, -1e-38, 2e-36, 1e-36), 2, values, scales);
  assert.deepEqual([...values], [0, 0, 127, 64]);
  assert.deepEqual([...scales], [0, Math.fround(2e-36 / 127)]);
});

Deno.test("packInt8() puts four numbers a word, the earlier ones in the low bits", () => {
  const { words, scales } = packInt8(Float32Array.of(127, -1, 2, -127, 5, 6), 6);
  assert.deepEqual([...words], [0x8102ff7f, 0x0605]);
  assert.deepEqual([...scales], [1]);
});

Deno.test("dequantize() takes each row's own scale, from within a row too", () => {
  const scales = Float32Array.of(0.5, 2);
  assert.deepEqual([...dequantize(Int8Array.of(1, -2, 3, 4), scales, 2)], [0.5, -1, 6, 8]);
  assert.deepEqual([...dequantize(Int8Array.of(-2, 3), scales, 2, 1)], [-1, 6]);
});

/** y = x·wᵀ with w [5, 7] of bytes: rows of no whole words. */
function product(): Program {
  const program = createProgram("product");
  const x = bufferTensor(program, "input", "x", [1, 7]);
  const w = bufferTensor(program, "weight", "w", [5, 7], "int8");
  keepAs(program, linear(program, x, w), "y");
  return program;
}

onEveryDevice("write() rounds rows, read() and programs see those", async (device) => {
  const given = normalNumbers("given", 35), other = normalNumbers("other", 7);
  const stored = roundedTo("int8", given, 7);
  const executor = await device.load([product()]);
  try {
    assert.deepEqual(await executor.read("w"), new Float32Array(35));
    executor.write("w", given);
    assert.notDeepEqual(stored, given);
    assert.deepEqual(await executor.read("w"), stored);
    assert.deepEqual(await executor.read("w", 9, 13), stored.subarray(9, 22));
    executor.write("x", Float32Array.of(0, 0, 1, 0, 0, 0, 0));
    executor.run("product");
    assertClose(await executor.read("y"), stored.filter((_, i) => i % 7 === 2), 2e-7, "y");
    // The last row alone begins with a whole word.
    executor.write("w", other, 28);
    assert.deepEqual(await executor.read("w", 28), roundedTo("int8", other, 7));
    assert.deepEqual(await executor.read("w", 0, 28), stored.subarray(0, 28));
    executor.clear("w");
    assert.deepEqual(await executor.read("w"), new Float32Array(35));
  } finally {
    await executor.close();
  }
});

onEveryDevice(
  "write() refuses parts of rows and of words, and what is not finite",
  async (device) => {
    const executor = await device.load([product()]);
    try {
      const refused = (count: number, offset: number) => ({
        name: "RangeError",
        message:
          `Cannot write "w": expected whole rows of 7 that are whole words of 4 too, got [${offset}, ${
            offset + count
          }) of 35`,
      });
      for (const [count, offset] of [[4, 0], [7, 0], [7, 7], [4, 28], [6, 29]]) {
        const data = new Float32Array(count);
        assert.throws(() => executor.write("w", data, offset), refused(count, offset));
      }
      for (const stray of [NaN, -Infinity]) {
        assert.throws(() => executor.write("w", new Float32Array(35).with(3, stray)), {
          name: "RangeError",
          message: `Cannot store "w" as int8: expected finite numbers, got ${stray} at index 3`,
        });
      }
      assert.throws(() => executor.write("w", new Uint32Array(35)), {
        name: "TypeError",
        message: 'Cannot write buffer "w": expected Float32Array, got Uint32Array',
      });
      assert.deepEqual(await executor.read("w"), new Float32Array(35));
    } finally {
      await executor.close();
    }
  },
);

/** A table that both embeds and, transposed, gives logits, as tied heads have it; and the gradient of what they are given. */
function tied(V: number, C: number, N: number): Program {
  const program = createProgram("tied");
  const table = bufferTensor(program, "weight", "table", [V, C], "int8");
  const ids = bufferTensor(program, "input", "ids", [N], "u32");
  const shift = bufferTensor(program, "state", "shift", [N, C]);
  const logits = linear(program, add(program, embedding(program, table, ids), shift), table);
  const dy = bufferTensor(program, "input", "dy", [N, V]);
  const [dshift] = gradients(program, logits, [shift], dy);
  keepAs(program, logits, "logits");
  keepAs(program, dshift, "dshift");
  return program;
}

onEveryDevice(
  "a tied head of bytes equals its float64 oracle, and its gradient",
  async (device) => {
    for (const [V, C, N] of [[1, 1, 1], [13, 7, 5], [30, 12, 9], [101, 64, 33]]) {
      const table = normalNumbers("table", V * C), dy = normalNumbers("dy", N * V);
      const ids = wholeNumbers("ids", N, V), shift = normalNumbers("shift", N * C);
      const actual = await runProgram(device, tied(V, C, N), { table, ids, shift, dy }, [
        "logits",
        "dshift",
      ]);
      const rounded = roundedTo("int8", table, C);
      const x = Float64Array.from(
        gathered(rounded, ids, { V, C }),
        (value, i) => value + shift[i],
      );
      const shape = { N, K: C, M: V };
      const logits = reference.linear(x, rounded, new Float64Array(V), shape);
      assertClose(actual.logits, logits, 2e-5, `logits ${V}×${C}`);
      const { dx } = reference.linearBackward(dy, x, rounded, shape);
      assertClose(actual.dshift, dx, 2e-5, `gradient ${V}×${C}`);
    }
  },
);

Deno.test("layOut() gives a weight of bytes a quarter of the memory, and four bytes a row", () => {
  const program = createProgram("p");
  bufferTensor(program, "weight", "w", [64, 48], "int8");
  bufferTensor(program, "state", "after", [1]);
  const { buffers } = layOut(planMemory([program]), [0]);
  assert.equal(buffers.get("after")!.address - buffers.get("w")!.address, 64 * 48 + 4 * 64);
});
