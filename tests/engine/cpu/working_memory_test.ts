import assert from "node:assert/strict";
import { GEMM_SCRATCH_BYTES } from "../../../src/engine/cpu/gemm_wasm.ts";
import { workingBytes } from "../../../src/engine/cpu/working_memory.ts";
import type { Op } from "../../../src/engine/op.ts";
import { apply } from "../../../src/engine/op.ts";
import { attention } from "../../../src/engine/ops/attention.ts";
import { operation } from "../../../src/engine/ops/registry.ts";
import { bufferTensor, createProgram, type Program } from "../../../src/engine/program.ts";
import { type FakeAttributes, increaseOp, lookupAmong } from "./fake_operations.ts";

/** A program of one node whose units are `elements`, and an operation that asks for `bytes` a thread. */
function asking(elements: number, bytes: number, small = false): { program: Program; op: Op } {
  const program = createProgram(`${elements}`);
  const op: Op<FakeAttributes> = {
    ...increaseOp,
    name: `of ${elements}`,
    cpu: { ...increaseOp.cpu, scratch: () => bytes },
  };
  const x = bufferTensor(program, "input", "x", [elements]);
  apply(program, op, [x], { value: 1, small });
  return { program, op: op as unknown as Op };
}

Deno.test("workingBytes() gives a thread the most of what the nodes that it takes part in ask for", () => {
  const most = 10 * GEMM_SCRATCH_BYTES;
  const asked = [asking(2, most), asking(3, most / 2), asking(6, 64), asking(5, 2 * most, true)];
  const programs = asked.map(({ program }) => program);
  const lookup = lookupAmong(...asked.map(({ op }) => op));
  // The last one is work for one thread.
  const [first, second, third, ...others] = workingBytes(programs, 5, lookup);
  assert.deepEqual([first, second, third], [2 * most, most, most / 2]);
  assert.deepEqual(others, [GEMM_SCRATCH_BYTES, GEMM_SCRATCH_BYTES]);
});

Deno.test("workingBytes() gives attention over a long text to as many threads as it has key heads", () => {
  const [T, H, Hkv, D] = [8192, 32, 8, 128];
  const program = createProgram("long");
  const q = bufferTensor(program, "input", "q", [1, T, H * D]);
  const [k, v] = ["k", "v"].map((name) => bufferTensor(program, "input", name, [1, T, Hkv * D]));
  const mask = bufferTensor(program, "input", "mask", [1, T], "u32");
  const settings = { heads: H, keyHeads: Hkv, scale: 1, causal: true, documents: false };
  attention(program, q, k, v, mask, settings);
  const bytes = workingBytes([program], 200, operation);
  assert.ok(bytes.slice(0, Hkv).every((needed) => needed > 2 ** 24));
  assert.deepEqual(bytes.slice(Hkv), Array(192).fill(GEMM_SCRATCH_BYTES));
});
