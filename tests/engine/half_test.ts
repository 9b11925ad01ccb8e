/** Weights in half precision, from what is rounded to what a device stores. */

import assert from "node:assert/strict";
import { layOut } from "../../src/engine/cpu/layout.ts";
import { checkHalfWrite, packHalves, unpackHalves } from "../../src/engine/half.ts";
import { linear } from "../../src/engine/ops/matmul.ts";
import { planMemory } from "../../src/engine/plan.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../../src/engine/program.ts";
import { onEveryDevice } from "./devices.ts";

/** Numbers, and the halves that they round to: ties to even, the least and largest, subnormals. */
const ROUNDED: readonly [given: number, half: number][] = [
  [1, 1],
  [-0.1, -0.0999755859375],
  [1 + 2 ** -11, 1],
  [1 + 3 * 2 ** -11, 1 + 2 ** -9],
  [65504, 65504],
  [-65504, -65504],
  [2 ** -14, 2 ** -14],
  [2 ** -24, 2 ** -24],
  [2 ** -25, 0],
  [3 * 2 ** -25, 2 ** -23],
  [0, 0],
];
const GIVEN = Float32Array.from(ROUNDED, ([given]) => given);
const HALVES = Float32Array.from(ROUNDED, ([, half]) => half);

/** y = x·wᵀ with w [11, 1] of halves. */
function scaling(): Program {
  const program = createProgram("scaling");
  const x = bufferTensor(program, "input", "x", [1, 1]);
  const w = bufferTensor(program, "weight", "w", [GIVEN.length, 1], "f16");
  keepAs(program, linear(program, x, w), "y");
  return program;
}

Deno.test("packHalves() and unpackHalves() round to nearest even and pad an odd last one", () => {
  const words = packHalves(GIVEN);
  assert.equal(words.length, 6);
  assert.deepEqual(unpackHalves(words.buffer as ArrayBuffer, 0, 11), HALVES);
  assert.deepEqual(unpackHalves(words.buffer as ArrayBuffer, 2, 2), HALVES.subarray(1, 3));
  assert.equal(words[0], 0xae663c00);
});

Deno.test("checkHalfWrite() names the buffer and the number that does not fit", () => {
  for (const stray of [65505, -70000, Infinity, NaN]) {
    assert.throws(() => checkHalfWrite("w", 3, Float32Array.of(0, 65504, stray), 0), {
      name: "HalfRangeError",
      message:
        `Cannot store "w" in half precision: expected numbers from -65504 to 65504, got ${stray} at index 2`,
    });
  }
});

onEveryDevice("write() rounds to halves, read() and programs see those", async (device) => {
  const executor = await device.load([scaling()]);
  try {
    assert.deepEqual(await executor.read("w"), new Float32Array(11));
    executor.write("w", GIVEN);
    executor.write("x", Float32Array.of(1));
    executor.run("scaling");
    assert.deepEqual(await executor.read("y"), HALVES);
    assert.deepEqual(await executor.read("w"), HALVES);
    assert.deepEqual(await executor.read("w", 3, 4), HALVES.subarray(3, 7));
    executor.write("w", Float32Array.of(7, 8), 4);
    executor.write("w", Float32Array.of(9), 10);
    const expected = HALVES.slice();
    expected.set([7, 8], 4);
    expected[10] = 9;
    assert.deepEqual(await executor.read("w"), expected);
    executor.clear("w");
    assert.deepEqual(await executor.read("w"), new Float32Array(11));
  } finally {
    await executor.close();
  }
});

onEveryDevice("write() refuses halves that do not fit and parts of words", async (device) => {
  const executor = await device.load([scaling()]);
  try {
    executor.write("w", GIVEN);
    assert.throws(() => executor.write("w", Float32Array.of(1, 1e5)), { name: "HalfRangeError" });
    assert.throws(() => executor.write("w", Float32Array.of(1, 2), 3), {
      name: "RangeError",
      message: 'Cannot write "w": expected an even range of its 11 halves, got [3, 5)',
    });
    assert.throws(() => executor.write("w", Float32Array.of(1), 2), { name: "RangeError" });
    assert.throws(() => executor.write("w", new Uint32Array(2)), {
      name: "TypeError",
      message: 'Cannot write buffer "w": expected Float32Array, got Uint32Array',
    });
    assert.deepEqual(await executor.read("w"), HALVES);
  } finally {
    await executor.close();
  }
});

Deno.test("layOut() gives a weight of halves half the memory", () => {
  const sizeOf = (dtype: "f32" | "f16"): number => {
    const program = createProgram("p");
    bufferTensor(program, "weight", "w", [64, 33], dtype);
    bufferTensor(program, "state", "after", [1]);
    const { buffers } = layOut(planMemory([program]), [0]);
    return buffers.get("after")!.address - buffers.get("w")!.address;
  };
  assert.equal(sizeOf("f32"), 4 * 64 * 33);
  assert.equal(sizeOf("f16"), 2 * 64 * 33);
});
