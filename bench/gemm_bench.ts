/**
 * Speed of the CPU device's matrix product on one thread: `deno bench -A bench/gemm_bench.ts`. Deno's table gives times; the lines at the end give
 * GFLOP/s of the fastest call, and the part of what a bare loop of multiply-adds reaches.
 */

import { gemmModule } from "../src/engine/cpu/gemm_kernel.ts";
import { createPlainGemm } from "../src/engine/cpu/gemm_plain.ts";
import { createGemm, GEMM_SCRATCH_BYTES } from "../src/engine/cpu/gemm_wasm.ts";
import type { Gemm } from "../src/engine/cpu/gemm.ts";
import { measureCpuCeiling } from "../src/engine/profile/cpu_ceiling.ts";

/** m, n, k, which operand is transposed, and what product of a model it stands for. */
const SHAPES = [
  [1024, 1024, 1024, "none", "large"],
  [1024, 128, 128, "B", "linear layer, width 128"],
  [2048, 384, 384, "B", "linear layer, width 384"],
  [2048, 8, 128, "B", "LoRA down, rank 8"],
  [2048, 128, 8, "B", "LoRA up, rank 8"],
  [8, 128, 2048, "A", "gradient of LoRA's A"],
  [64, 64, 16, "B", "attention scores, head size 16"],
  [64, 16, 64, "none", "attention context, head size 16"],
  [384, 384, 2048, "A", "gradient of a weight, width 384"],
  [300, 8192, 128, "B", "logits of 8,192 classes"],
  [1, 384, 384, "B", "one token"],
] as const;

const memory = new WebAssembly.Memory({ initial: 512, maximum: 512, shared: true });
const routines: [string, Gemm][] = (["fused", "separate"] as const).flatMap((multiplyAdd) => {
  const bytes = gemmModule(multiplyAdd);
  return WebAssembly.validate(bytes)
    ? [[`wasm ${multiplyAdd}`, createGemm(memory, 0, new WebAssembly.Module(bytes))]]
    : [];
});
routines.push(["plain", createPlainGemm()]);

const ceiling = (await measureCpuCeiling(1)).flopsPerSecond / 1e9;
const fastest = new Map<string, { milliseconds: number; flops: number }>();

for (const [m, n, k, transposed, use] of SHAPES) {
  let next = Math.ceil(GEMM_SCRATCH_BYTES / 64) * 64;
  const take = (length: number): Float32Array => {
    const view = new Float32Array(memory.buffer, next, length);
    for (let i = 0; i < length; i++) view[i] = i % 13 / 13 - 0.5;
    next += 4 * length;
    return view;
  };
  const call = {
    products: [{
      k,
      factor: 1,
      a: take(m * k),
      aOffset: 0,
      aRow: transposed === "A" ? 1 : k,
      aColumn: transposed === "A" ? m : 1,
      b: take(k * n),
      bOffset: 0,
      bRow: transposed === "B" ? 1 : n,
      bColumn: transposed === "B" ? k : 1,
    }],
    n,
    rowBegin: 0,
    rowEnd: m,
    c: take(m * n),
    cOffset: 0,
    cRow: n,
  };
  // Enough products a measurement that the clock does not matter.
  const repeats = Math.ceil(1e7 / (m * n * k));
  for (const [routine, gemm] of routines) {
    if (routine === "plain" && m * n * k > 1e8) continue;
    const name = `${m}×${n}×${k} ${routine}`;
    Deno.bench({ name, group: `${use}, ×${repeats}`, warmup: 50, n: 50 }, () => {
      const start = performance.now();
      for (let i = 0; i < repeats; i++) gemm(call);
      const milliseconds = (performance.now() - start) / repeats;
      const best = Math.min(milliseconds, fastest.get(name)?.milliseconds ?? Infinity);
      fastest.set(name, { milliseconds: best, flops: 2 * m * n * k });
    });
  }
}

globalThis.addEventListener("unload", () => {
  console.log(`multiply-adds alone: ${ceiling.toFixed(1)} GFLOP/s`);
  for (const [name, { milliseconds, flops }] of fastest) {
    const speed = flops / milliseconds / 1e6;
    console.log(`${name}: ${speed.toFixed(1)} GFLOP/s, ${(speed / ceiling).toFixed(2)}`);
  }
});
