/**
 * Speed of the matmul kernel on the WebGPU adapter, for the products of a LoRA step of width 128 and a large one:
 * `deno run -A bench/kernels_bench.ts`. Prints GFLOP/s of the fastest of several measurements.
 */

import type { Executor } from "../src/engine/device.ts";
import { apply } from "../src/engine/op.ts";
import { matmulOp } from "../src/engine/ops/matmul.ts";
import { bufferTensor, createProgram, type Program } from "../src/engine/program.ts";
import { createWebgpuDevice } from "../src/engine/webgpu/device.ts";

/** Rows and columns of the result, inner size, which operand is stored transposed, and what the product stands for. */
const SHAPES = [
  [1024, 128, 128, "B", "linear forward, x·Wᵀ"],
  [1024, 128, 128, "none", "linear backward, dy·W"],
  [128, 128, 1024, "A", "weight gradient, dyᵀ·x"],
  [1024, 8, 128, "B", "LoRA down, x·Aᵀ, rank 8"],
  [1024, 8, 128, "none", "LoRA backward, dy·B, rank 8"],
  [8, 128, 1024, "A", "gradient of LoRA's A, duᵀ·x"],
  [128, 8, 1024, "A", "gradient of LoRA's B, dyᵀ·u"],
  [1024, 1024, 1024, "B", "large"],
] as const;

/** Products a run; long runs of a slow adapter would be cut off by its driver. */
const PRODUCTS = 8;
/** Long enough that the cost of reading back (about 11 ms) does not matter. */
const MILLISECONDS = 300;
const MEASUREMENTS = 5;

function products(
  [m, n, k, transposed]: readonly [number, number, number, string, string],
): Program {
  const program = createProgram("products");
  const a = bufferTensor(program, "input", "a", transposed === "A" ? [k, m] : [m, k]);
  const b = bufferTensor(program, "weight", "b", transposed === "B" ? [n, k] : [k, n]);
  for (let i = 0; i < PRODUCTS; i++) {
    apply(program, matmulOp, [a, b], {
      transposeA: transposed === "A",
      transposeB: transposed === "B",
      alpha: 1,
      bias: false,
      columnMask: false,
      lowRank: false,
      scale: 0,
      residual: false,
    });
  }
  return program;
}

/** Milliseconds of that many runs. */
async function measure(executor: Executor, runs: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < runs; i++) executor.run("products");
  await executor.read("a", 0, 1);
  return performance.now() - start;
}

const device = await createWebgpuDevice();
console.log(`${device.info.description}, fastest of ${MEASUREMENTS}`);
for (const shape of SHAPES) {
  const [m, n, k, transposed, use] = shape;
  const executor = await device.load([products(shape)]);
  executor.write("a", Float32Array.from({ length: m * k }, (_, i) => i % 13 / 13 - 0.5));
  executor.write("b", Float32Array.from({ length: k * n }, (_, i) => i % 7 / 7 - 0.5));
  await measure(executor, 1);
  let runs = 1;
  while (await measure(executor, runs) < MILLISECONDS) runs *= 2;
  let fastest = Infinity;
  for (let i = 0; i < MEASUREMENTS; i++) fastest = Math.min(fastest, await measure(executor, runs));
  await executor.close();
  const layout = transposed === "A" ? "TN" : transposed === "B" ? "NT" : "NN";
  const speed = (runs * PRODUCTS * 2 * m * n * k / fastest / 1e6).toFixed(1);
  console.log(`${speed.padStart(7)} GFLOP/s  ${m}×${k}·${k}×${n} ${layout}  ${use}`);
}
