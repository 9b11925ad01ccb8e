/**
 * Speed of the variants of the matmul kernel on the WebGPU adapter, by turns: `deno run -A bench/kernels_bench.ts [text]`, for the products whose
 * description holds the text, or all. Prints GFLOP/s of the fastest of several measurements; the variant taken unmeasured is marked.
 */

import type { Executor } from "../src/engine/device.ts";
import { matmulOp, product } from "../src/engine/ops/matmul.ts";
import { bufferTensor, createProgram, type Program } from "../src/engine/program.ts";
import { createWebgpuDevice } from "../src/engine/webgpu/device.ts";

/** Rows of the result, inner size, columns, which operand is stored transposed, and what the product stands for. */
const SHAPES = [
  [1024, 1024, 1024, "B", "large, x·Wᵀ"],
  [1024, 1024, 1024, "none", "large, dy·W"],
  [1024, 1024, 1024, "A", "large, dyᵀ·x"],
  [2048, 384, 384, "B", "linear forward, x·Wᵀ"],
  [2048, 384, 384, "none", "linear backward, dy·W"],
  [384, 2048, 384, "A", "weight gradient, dyᵀ·x"],
  [2048, 128, 128, "B", "linear forward of width 128"],
  [2048, 384, 8, "B", "LoRA down, x·Aᵀ, rank 8"],
  [2048, 384, 8, "none", "LoRA backward, dy·B, rank 8"],
  [2048, 8, 384, "none", "LoRA backward, du·A, rank 8"],
  [8, 2048, 384, "A", "gradient of LoRA's A, duᵀ·x"],
  [384, 2048, 8, "A", "gradient of LoRA's B, dyᵀ·u"],
] as const;

type Shape = typeof SHAPES[number];

/** Long enough that the cost of reading back (about 11 ms) does not matter. */
const MILLISECONDS = 60;
const MEASUREMENTS = 4;

function products([m, k, n, transposed]: Shape): Program {
  const program = createProgram("product");
  const a = bufferTensor(program, "input", "a", transposed === "A" ? [k, m] : [m, k]);
  const b = bufferTensor(program, "weight", "b", transposed === "B" ? [n, k] : [k, n]);
  product(program, a, b, { transposeA: transposed === "A", transposeB: transposed === "B" });
  return program;
}

/** Milliseconds of that many runs. */
async function measure(executor: Executor, runs: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < runs; i++) executor.run("product");
  await executor.read("a", 0, 1);
  return performance.now() - start;
}

interface Candidate {
  readonly variant: string;
  readonly executor: Executor;
  readonly runs: number;
  fastest: number;
}

async function open(program: Program, shape: Shape, variant: string): Promise<Candidate> {
  const [m, k, n] = shape;
  const kind = matmulOp.variants!.kindOf(program.nodes[0] as never);
  const device = await createWebgpuDevice({ tuning: { [kind]: variant } });
  const executor = await device.load([program]);
  executor.write("a", Float32Array.from({ length: m * k }, (_, i) => i % 13 / 13 - 0.5));
  executor.write("b", Float32Array.from({ length: k * n }, (_, i) => i % 7 / 7 - 0.5));
  await measure(executor, 1);
  let runs = 1;
  while (await measure(executor, runs) < MILLISECONDS) runs *= 2;
  return { variant, executor, runs, fastest: Infinity };
}

const { info } = await createWebgpuDevice();
console.log(`${info.description}, GFLOP/s, fastest of ${MEASUREMENTS}`);
for (const shape of SHAPES) {
  const [m, k, n, transposed, use] = shape;
  const layout = transposed === "A" ? "TN" : transposed === "B" ? "NT" : "NN";
  const title = `${m}×${k}·${k}×${n} ${layout}  ${use}`;
  if (!title.includes(Deno.args[0] ?? "")) continue;
  const program = products(shape);
  const node = program.nodes[0] as never;
  const names = matmulOp.variants!.suiting(node, info.software ?? false);
  const candidates: Candidate[] = [];
  for (const name of names) candidates.push(await open(program, shape, name));
  for (let i = 0; i < MEASUREMENTS; i++) {
    for (const candidate of candidates) {
      const milliseconds = await measure(candidate.executor, candidate.runs);
      candidate.fastest = Math.min(candidate.fastest, milliseconds / candidate.runs);
    }
  }
  console.log(title);
  for (const { variant, fastest, executor } of candidates) {
    const speed = (2 * m * n * k / fastest / 1e6).toFixed(1).padStart(8);
    console.log(`${speed}  ${variant}${variant === names[0] ? " (unmeasured choice)" : ""}`);
    await executor.close();
  }
}
