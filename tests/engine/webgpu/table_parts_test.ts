/** Tables larger than what a dispatch can bind, by a limit low enough for small ones. */

import assert from "node:assert/strict";
import { gradients } from "../../../src/engine/gradients.ts";
import { lower } from "../../../src/engine/lower.ts";
import { embedding } from "../../../src/engine/ops/embedding.ts";
import { add } from "../../../src/engine/ops/add.ts";
import { loraLinear } from "../../../src/engine/ops/matmul.ts";
import {
  bufferTensor,
  createProgram,
  type DType,
  keepAs,
  type Program,
} from "../../../src/engine/program.ts";
import { rowParts } from "../../../src/engine/table_parts.ts";
import { createWebgpuDevice } from "../../../src/engine/webgpu/device.ts";
import { assertClose } from "../../reference/compare.ts";
import { embedding as gathered } from "../../reference/embedding.ts";
import * as loraOracle from "../../reference/lora_linear.ts";
import { testDevices } from "../devices.ts";
import { normalNumbers, roundedTo, wholeNumbers } from "../op_testing.ts";

Deno.test("rowParts() cuts a table between rows, at multiples of 128 of them", () => {
  const program = createProgram("p");
  const table = (rows: number, width: number, dtype: DType) =>
    bufferTensor(program, "weight", `${rows}×${width} ${dtype}`, [rows, width], dtype);
  assert.deepEqual(rowParts(table(300, 8, "f32"), 9600), [{ first: 0, count: 300 }]);
  assert.deepEqual(rowParts(table(300, 8, "f32"), 9599), [
    { first: 0, count: 256 },
    { first: 256, count: 44 },
  ]);
  assert.deepEqual(rowParts(table(300, 8, "f16"), 4100).map(({ count }) => count), [256, 44]);
  // GPT-2's, by the limit of most adapters.
  const counts = rowParts(table(50_257, 768, "f32"), 2 ** 27).map(({ count }) => count);
  assert.deepEqual(counts, [43_648, 6609]);
  assert.deepEqual(rowParts(table(50_257, 768, "f16"), 2 ** 27).length, 1);
});

const RANK = 3, SCALE = 2;

/** Tied table: logits = (rows of it + shift)·tableᵀ + bias + LoRA, and the gradients of shift and of the adapter. */
function tied(V: number, C: number, N: number, dtype: DType): Program {
  const program = createProgram("tied");
  const tensor = (name: string, ...shape: number[]) => bufferTensor(program, "state", name, shape);
  const table = bufferTensor(program, "weight", "table", [V, C], dtype);
  const ids = bufferTensor(program, "input", "ids", [N], "u32");
  const shift = tensor("shift", N, C);
  const adapter = {
    a: tensor("a", RANK, C),
    b: tensor("b", V, RANK),
    mask: bufferTensor(program, "input", "mask", [RANK], "u32"),
    scale: SCALE,
  };
  const x = embedding(program, table, ids);
  const logits = loraLinear(program, add(program, x, shift), table, tensor("bias", V), adapter);
  const residual = add(program, logits, tensor("residual", N, V));
  const wrt = [shift, adapter.a, adapter.b];
  gradients(program, residual, wrt, bufferTensor(program, "input", "dy", [N, V]))
    .forEach((gradient, i) => keepAs(program, gradient, `d${wrt[i].name}`));
  keepAs(program, residual, "y");
  return lower(program);
}

// Widths of whole vectors and not, columns of whole vectors and not; by either kind of kernel, of which tiles may be larger than the last part.
const cases = [
  { V: 300, C: 64, N: 33, dtype: "f32", largest: 40_960, parts: 3, variant: "8x4" },
  { V: 301, C: 63, N: 33, dtype: "f32", largest: 40_960, parts: 3, variant: "16x12" },
  { V: 259, C: 64, N: 7, dtype: "f32", largest: 34_000, parts: 3, variant: "shared" },
  { V: 301, C: 97, N: 21, dtype: "f16", largest: 25_600, parts: 3, variant: "8x8" },
] as const;

for (const { V, C, N, dtype, largest, parts, variant } of cases) {
  Deno.test({
    name:
      `a table ${V}×${C} of ${dtype} in ${parts} parts equals the float64 oracle, forward and backward, by ${variant} [webgpu]`,
    ignore: testDevices.find(({ name }) => name === "webgpu")!.ignore,
    async fn() {
      const program = tied(V, C, N, dtype);
      const data = {
        table: normalNumbers("table", V * C),
        ids: wholeNumbers("ids", N, V),
        shift: normalNumbers("shift", N * C),
        a: normalNumbers("a", RANK * C),
        b: normalNumbers("b", V * RANK),
        mask: Uint32Array.of(1, 0, 1),
        bias: normalNumbers("bias", V),
        residual: normalNumbers("residual", N * V),
        dy: normalNumbers("dy", N * V),
      };
      const table = dtype === "f32" ? data.table : roundedTo(dtype, data.table, C);
      const x = Float64Array.from(
        gathered(table, data.ids, { V, C }),
        (value, i) => value + data.shift[i],
      );
      const shape = { N, K: C, M: V, r: RANK };
      const { bias, a, b, mask } = data;
      const inputs = { x, w0: table, bias, a, b, mask, s: SCALE };
      const back = loraOracle.loraLinearBackward(data.dy, inputs, shape);
      const y = Float64Array.from(
        loraOracle.loraLinear(inputs, shape),
        (value, i) => value + data.residual[i],
      );
      const expected = { y, dshift: back.dx, da: back.da, db: back.db };

      const plain = await createWebgpuDevice({ measure: false });
      const kinds = Object.keys(await tuningOf(plain, program));
      const tuning = Object.fromEntries(kinds.map((kind) => [kind, variant]));
      const device = await createWebgpuDevice({ measure: false, largestBinding: largest, tuning });
      assert.equal(rowParts(program.tensors[0], largest).length, parts);
      const executor = await device.load([program]);
      try {
        const { kernels = [] } = executor.device;
        assert.ok(
          kernels.some((kernel) => kernel.includes("embedding") && kernel.includes("part")),
        );
        assert.ok(kernels.some((kernel) => kernel.includes("accumulate")));
        for (const [name, values] of Object.entries(data)) executor.write(name, values);
        executor.run(program.name);
        for (const [name, values] of Object.entries(expected)) {
          assertClose(await executor.read(name), values, 2e-5, name);
        }
      } finally {
        await executor.close();
      }
    },
  });
}

async function tuningOf(
  device: Awaited<ReturnType<typeof createWebgpuDevice>>,
  program: Program,
): Promise<Readonly<Record<string, string>>> {
  const executor = await device.load([program]);
  await executor.close();
  return executor.device.tuning!;
}

Deno.test({
  name: "load() names a table that no part can make small enough [webgpu]",
  ignore: testDevices.find(({ name }) => name === "webgpu")!.ignore,
  async fn() {
    const device = await createWebgpuDevice({ measure: false, largestBinding: 4096 });
    for (const [V, C, dtype] of [[300, 64, "int8"], [3, 2000, "f32"]] as const) {
      const program = createProgram("p");
      const ids = bufferTensor(program, "input", "ids", [1], "u32");
      const table = bufferTensor(program, "weight", "table", [V, C], dtype);
      const row = embedding(program, table, ids);
      keepAs(program, row, "row");
      await assert.rejects(device.load([program]), {
        name: "DeviceMemoryError",
        message: /^Cannot place "(table|row)" on the WebGPU device: expected at most 4096 bytes/,
      });
    }
  },
});
