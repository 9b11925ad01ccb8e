/** What weights of every compact type have in common: what a program may do with them, and results that do not depend on threads. */

import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { gradients } from "../../src/engine/gradients.ts";
import { add } from "../../src/engine/ops/add.ts";
import { copyTo } from "../../src/engine/ops/copy.ts";
import { embedding } from "../../src/engine/ops/embedding.ts";
import { linear } from "../../src/engine/ops/matmul.ts";
import { operation } from "../../src/engine/ops/registry.ts";
import { bufferTensor, createProgram, keepAs } from "../../src/engine/program.ts";
import { onEveryDevice } from "./devices.ts";
import { normalNumbers, wholeNumbers } from "./op_testing.ts";
import { runProgram } from "./run_program.ts";

for (const dtype of ["f16", "int8"] as const) {
  Deno.test(`an operation that takes no ${dtype} names the tensor when a program is built`, () => {
    const program = createProgram("p");
    const w = bufferTensor(program, "weight", "w", [2, 2], dtype);
    const x = bufferTensor(program, "input", "x", [2, 2]);
    const refused = (op: string) => ({
      name: "TypeError",
      message: `Cannot apply ${op} to "w": expected f32 or u32, got ${dtype}`,
    });
    assert.throws(() => add(program, x, w), refused("add"));
    assert.throws(() => linear(program, w, x), refused("matmul"));
    assert.throws(() => linear(program, x, x, w), refused("matmul"));
    assert.throws(() => copyTo(program, x, w), refused("copy"));
  });

  onEveryDevice(
    `load() refuses a program whose operation takes no ${dtype}`,
    async (device) => {
      const program = createProgram("p");
      const x = bufferTensor(program, "input", "x", [2, 2]);
      keepAs(program, add(program, x, x), "y");
      const w = bufferTensor(program, "weight", "w", [2, 2], dtype);
      const [node] = program.nodes;
      await assert.rejects(device.load([{ ...program, nodes: [{ ...node, inputs: [x, w] }] }]), {
        name: "TypeError",
        message: `Cannot apply add to "w": expected f32 or u32, got ${dtype}`,
      });
    },
  );

  Deno.test(`gradients() refuses a weight of ${dtype} and passes one by`, () => {
    const program = createProgram("p");
    const ids = bufferTensor(program, "input", "ids", [3], "u32");
    const table = bufferTensor(program, "weight", "table", [5, 2], dtype);
    const x = add(
      program,
      embedding(program, table, ids),
      bufferTensor(program, "state", "s", [3, 2]),
    );
    const w = bufferTensor(program, "weight", "w", [4, 2], dtype);
    const y = linear(program, x, w);
    for (const weight of [table, w]) {
      assert.throws(() => gradients(program, y, [weight]), {
        name: "TypeError",
        message:
          `Cannot differentiate "${y.name}" with respect to "${weight.name}": expected f32, got ${dtype}`,
      });
    }
    assert.deepEqual(gradients(program, y, [x])[0].shape, [3, 2]);
  });

  Deno.test(`run() on ${dtype} computes the same bytes when the number of threads changes`, async () => {
    // y = (rows of the table)·wᵀ, of which each thread has a part.
    const program = createProgram("shared");
    const table = bufferTensor(program, "weight", "table", [50, 130], dtype);
    const ids = bufferTensor(program, "input", "ids", [2048], "u32");
    const w = bufferTensor(program, "weight", "w", [67, 130], dtype);
    keepAs(program, linear(program, embedding(program, table, ids), w), "y");
    for (const node of program.nodes) {
      const { cost, cpu } = operation(node.op);
      const { flops, bytes } = cost(node);
      assert.ok(cpu.units(node) >= 3 && (flops > 1e7 || bytes > 1e6), `${node.op} is large`);
    }
    const results = await Promise.all(
      [1, 2, 3].map((threads) =>
        runProgram(createCpuDevice({ threads }), program, {
          table: normalNumbers("table", 50 * 130),
          w: normalNumbers("w", 67 * 130),
          ids: wholeNumbers("ids", 2048, 50),
        }, ["y"])
      ),
    );
    assert.ok(results[0].y.some((value) => value !== 0));
    assert.deepEqual(results[1], results[0]);
    assert.deepEqual(results[2], results[0]);
  });
}
