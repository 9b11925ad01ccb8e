/**
 * Attention forward and backward, in one operation beside scores, softmax and context one by one: `deno run -A bench/attention_bench.ts [cpu|webgpu]`. The
 * two run by turns; prints milliseconds of the fastest run, their ratio, and the memory of the activations.
 */

import { createCpuDevice } from "../src/engine/cpu/device.ts";
import type { Executor } from "../src/engine/device.ts";
import { gradients } from "../src/engine/gradients.ts";
import { lower } from "../src/engine/lower.ts";
import { attention } from "../src/engine/ops/attention.ts";
import { attentionContext, attentionScores } from "../src/engine/ops/attention_matmul.ts";
import { maskedSoftmax } from "../src/engine/ops/masked_softmax.ts";
import { planMemory } from "../src/engine/plan.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../src/engine/program.ts";
import { createWebgpuDevice } from "../src/engine/webgpu/device.ts";

/** B, T, H, D; fewer rows for software adapters. */
const SHAPES = {
  cpu: ["16 32 4 32", "32 128 4 32", "16 128 12 32", "16 128 4 64", "4 512 12 32", "4 512 4 64"],
  webgpu: ["4 32 4 32", "4 128 4 32", "4 128 4 64", "1 512 4 32", "1 512 4 64"],
};

const MILLISECONDS = 100;
const TURNS = 5;

function build(name: string, [B, T, H, D]: readonly number[], backward: boolean): Program {
  const program = createProgram(name);
  const [q, k, v, seed] = ["q", "k", "v", "seed"].map((buffer) =>
    bufferTensor(program, "input", buffer, [B, T, H * D])
  );
  const mask = bufferTensor(program, "input", "mask", [B, T], "u32");
  const scale = 1 / Math.sqrt(D);
  const context = name.startsWith("fused")
    ? attention(program, q, k, v, mask, {
      heads: H,
      keyHeads: H,
      scale,
      causal: false,
      documents: false,
    })
    : attentionContext(
      program,
      maskedSoftmax(program, attentionScores(program, q, k, H, H), mask, scale, false),
      v,
      H,
      H,
    );
  if (backward) {
    gradients(program, context, [q, k, v], seed).forEach((gradient, i) =>
      keepAs(program, gradient, `gradient ${i}`)
    );
  }
  keepAs(program, context, "context");
  return lower(program);
}

async function measure(executor: Executor, program: string, runs: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < runs; i++) executor.run(program);
  await executor.read("context", 0, 1);
  return performance.now() - start;
}

const kind = Deno.args[0] === "webgpu" ? "webgpu" : "cpu";
const device = kind === "webgpu" ? await createWebgpuDevice() : createCpuDevice();
const { description, threads } = device.info;
console.log(threads === undefined ? description : `${description}, ${threads} threads`);
for (const sizes of SHAPES[kind]) {
  const shape = sizes.split(" ").map(Number);
  const programs = ["fused", "plain"].flatMap((variant) => [
    build(`${variant} forward`, shape, false),
    build(`${variant} both`, shape, true),
  ]);
  const executor = await device.load(programs);
  const [B, T, H, D] = shape;
  ["q", "k", "v", "seed"].forEach((buffer, n) => {
    const data = Float32Array.from({ length: B * T * H * D }, (_, i) => Math.sin(i * (n + 1.3)));
    executor.write(buffer, data);
  });
  executor.write("mask", new Uint32Array(B * T).fill(1));
  const line: string[] = [];
  for (const part of ["forward", "both"]) {
    const variants = [`fused ${part}`, `plain ${part}`];
    const fastest = [Infinity, Infinity], runs = [1, 1];
    for (const [i, variant] of variants.entries()) {
      const once = await measure(executor, variant, 1);
      runs[i] = Math.max(1, Math.round(MILLISECONDS / once));
    }
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [i, variant] of variants.entries()) {
        const time = await measure(executor, variant, runs[i]) / runs[i];
        fastest[i] = Math.min(fastest[i], time);
      }
    }
    line.push(
      `${part}: fused ${fastest[0].toFixed(2)} ms, plain ${fastest[1].toFixed(2)} ms, ratio ${
        (fastest[1] / fastest[0]).toFixed(2)
      }`,
    );
  }
  const memory = [programs[1], programs[3]].map((program) =>
    planMemory([program]).slots.reduce((sum, length) => sum + 4 * length, 0) / 2 ** 20
  );
  line.push(`activations ${memory.map((bytes) => bytes.toFixed(1)).join(" against ")} MiB`);
  console.log(`B${B} T${T} H${H} D${D}  ${line.join("; ")}`);
  await executor.close();
}
