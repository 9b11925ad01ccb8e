/** Addresses beyond 2³¹, which are negative where they are taken for signed numbers. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import type { BufferData } from "../../../src/engine/device.ts";
import { linear } from "../../../src/engine/ops/matmul.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../../../src/engine/program.ts";
import { normalNumbers } from "../op_testing.ts";
import { decoderTraining, encoderTraining } from "../training_programs.ts";

/** The program with a weight of 2 GiB before all else; nothing touches it, so that no memory is spent on it. */
function farther(program: Program): Program {
  const length = 2 ** 29;
  const unused = { name: "unused", dtype: "f32", role: "weight", length } as const;
  return { ...program, buffers: new Map([["unused", unused], ...program.buffers]) };
}

/** What a program leaves in buffers when it has run once for each of `steps`. */
async function run(
  program: Program,
  steps: readonly Readonly<Record<string, BufferData>>[],
  outputs: readonly string[],
): Promise<BufferData[]> {
  const executor = await createCpuDevice({ threads: 1 }).load([program]);
  try {
    for (const inputs of steps) {
      for (const [buffer, data] of Object.entries(inputs)) executor.write(buffer, data);
      executor.run(program.name);
    }
    return await Promise.all(outputs.map((output) => executor.read(output)));
  } finally {
    await executor.close();
  }
}

for (const { program, initial, step } of [encoderTraining(), decoderTraining()]) {
  Deno.test(`run() takes the same steps of a small ${program.name} beyond 2 GiB`, async () => {
    const steps = [{ ...initial, ...step(0) }, step(1)];
    const outputs = ["gradient", "parameters", "sensitivity", "losses"];
    const near = await run(program, steps, outputs);
    assert.ok(near.every((values) => values.some((value) => value !== 0)));
    assert.deepEqual(await run(farther(program), steps, outputs), near);
  });
}

Deno.test("run() multiplies by weights of every type beyond 2 GiB", async () => {
  const [columns, inner] = [37, 69];
  const program = createProgram("products");
  const inputs: Record<string, BufferData> = {};
  const outputs: string[] = [];
  for (const rows of [1, 6]) {
    const x = bufferTensor(program, "input", `x ${rows}`, [rows, inner]);
    inputs[x.name] = normalNumbers(x.name, rows * inner);
    for (const dtype of ["f32", "f16", "int8"] as const) {
      const w = bufferTensor(program, "weight", `w ${dtype}`, [columns, inner], dtype);
      inputs[w.name] = normalNumbers("w", columns * inner);
      outputs.push(`y ${rows} ${dtype}`);
      keepAs(program, linear(program, x, w), `y ${rows} ${dtype}`);
    }
  }
  const near = await run(program, [inputs], outputs);
  assert.ok(near.every((values) => values.some((value) => value !== 0)));
  assert.deepEqual(await run(farther(program), [inputs], outputs), near);
});
