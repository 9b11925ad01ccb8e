import assert from "node:assert/strict";
import type { AttentionFunctions } from "../../../src/engine/cpu/attention.ts";
import { plainAttention } from "../../../src/engine/cpu/attention_plain.ts";
import {
  attentionScratchBytes,
  compileAttention,
  createAttention,
} from "../../../src/engine/cpu/attention_wasm.ts";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import { gradients } from "../../../src/engine/gradients.ts";
import { lower } from "../../../src/engine/lower.ts";
import { attention } from "../../../src/engine/ops/attention.ts";
import { bufferTensor, createProgram, keepAs } from "../../../src/engine/program.ts";
import { attention as oracle, attentionBackward } from "../../reference/attention.ts";
import type { AttentionShape } from "../../reference/attention_scores.ts";
import { assertClose } from "../../reference/compare.ts";
import { attentionMask } from "../ops/attention_mask.ts";
import { normalNumbers } from "../op_testing.ts";
import { bitsOf, createHeap, memory } from "./vector_testing.ts";

/** Behind all that the heap hands out. */
const SCRATCH = 1 << 20;
const GUARD = 54321.5;

const shapes: AttentionShape[] = [
  { B: 3, T: 2, H: 2, Hkv: 1, D: 1 },
  { B: 3, T: 7, H: 2, Hkv: 2, D: 3 },
  { B: 3, T: 49, H: 4, Hkv: 2, D: 16 },
  { B: 2, T: 130, H: 2, Hkv: 1, D: 20 },
  // A block of queries and no more, one query more, two blocks and one, two and a tile's rest.
  { B: 2, T: 80, H: 1, Hkv: 1, D: 8 },
  { B: 2, T: 81, H: 2, Hkv: 1, D: 12 },
  { B: 2, T: 161, H: 1, Hkv: 1, D: 4 },
  { B: 2, T: 170, H: 2, Hkv: 2, D: 4 },
];

/** Registers a test a variant: WebAssembly and plain TypeScript. */
function onEveryVariant(title: string, body: (functions: AttentionFunctions) => void): void {
  const module = compileAttention();
  Deno.test({
    name: `${title} (WebAssembly)`,
    ignore: module === undefined,
    fn: () => body(createAttention(memory, SCRATCH, module!)),
  });
  Deno.test(`${title} (plain)`, () => body(plainAttention));
}

/** Inputs and results between guards; the first batch entry is `poison` times as large. */
function prepare({ B, T, H, Hkv, D }: AttentionShape, causal: boolean, poison = 1) {
  const heap = createHeap(T % 4);
  const wide = B * T * H * D, narrow = B * T * Hkv * D;
  const [q, k, v] = [heap.take(wide), heap.take(narrow), heap.take(narrow)];
  for (const x of [q, k, v]) for (let i = 0; i < x.length / B; i++) x[i] *= poison;
  const mask = heap.takeWords(attentionMask(B, T));
  const sizes = { tokens: T, heads: H, keyHeads: Hkv, headSize: D, scale: 0.25, causal };
  const call = { q, k, v, mask, ...sizes };
  const forward = { ...call, context: heap.take(wide), logSumExp: heap.take(B * H * T) };
  const { logSumExp } = forward;
  const results = { dq: heap.take(wide), dk: heap.take(narrow), dv: heap.take(narrow) };
  const backward = { ...call, logSumExp, dcontext: heap.take(wide), ...results };
  return { heap, forward, backward };
}

onEveryVariant("forward() and backward() equal the oracle and stay in bounds", (functions) => {
  const all = new Float32Array(memory.buffer);
  for (const shape of shapes) {
    for (const causal of [false, true]) {
      const { B, T, Hkv, D } = shape;
      const { heap, forward, backward } = prepare(shape, causal);
      const end = (SCRATCH + attentionScratchBytes(T, D)) / 4;
      all[end] = GUARD;
      functions.forward(forward, 0, B * Hkv);
      functions.backward(backward, 0, B * Hkv);
      heap.check();
      assert.equal(all[end], GUARD, "the end of working memory");
      const { q, k, v } = forward, { dcontext } = backward;
      const settings = { mask: forward.mask, scale: 0.25, causal };
      const name = `${JSON.stringify(shape)} causal ${causal}`;
      assertClose(forward.context, oracle(q, k, v, shape, settings), 1e-5, `context, ${name}`);
      const expected = attentionBackward(dcontext, q, k, v, shape, settings);
      for (const gradient of ["dq", "dk", "dv"] as const) {
        assertClose(backward[gradient], expected[gradient], 1e-5, `${gradient}, ${name}`);
      }
    }
  }
});

onEveryVariant("forward() and backward() leave no trace in the units after", (functions) => {
  for (const shape of shapes) {
    const { B, T, H, Hkv } = shape;
    const outcomes = [NaN, 1].map((poison) => {
      const { forward, backward } = prepare(shape, false, poison);
      functions.forward(forward, 0, B * Hkv);
      functions.backward(backward, 0, B * Hkv);
      return [forward.context, backward.dq, backward.dk, backward.dv].map((result) =>
        bitsOf(result.subarray(result.length / B))
      );
    });
    assert.deepEqual(outcomes[0], outcomes[1], `T ${T} H ${H}`);
  }
});

onEveryVariant("forward() gives 0 where a query sees no key", (functions) => {
  const shape = { B: 3, T: 9, H: 1, Hkv: 1, D: 5 };
  const { forward } = prepare(shape, true);
  forward.mask.fill(1);
  forward.mask.fill(0, 0, 4);
  functions.forward(forward, 0, 3);
  const { context, logSumExp } = forward;
  assert.deepEqual([...context.subarray(0, 20), ...logSumExp.subarray(0, 4)], Array(24).fill(0));
  assert.ok(context.subarray(20).every((value) => value !== 0));
});

Deno.test("attention() computes the same bytes when the number of threads changes", async () => {
  const [B, T, H, Hkv, D] = [3, 130, 4, 2, 16];
  const program = createProgram("attention");
  const q = bufferTensor(program, "input", "q", [B, T, H * D]);
  const k = bufferTensor(program, "input", "k", [B, T, Hkv * D]);
  const v = bufferTensor(program, "input", "v", [B, T, Hkv * D]);
  const mask = bufferTensor(program, "input", "mask", [B, T], "u32");
  const settings = { heads: H, keyHeads: Hkv, scale: 0.25, causal: true, documents: false };
  const context = attention(program, q, k, v, mask, settings);
  gradients(program, context, [q, k, v]).forEach((gradient, i) =>
    keepAs(program, gradient, `d${i}`)
  );
  const lowered = lower(program);
  const results = await Promise.all([1, 2, 3].map(async (threads) => {
    const executor = await createCpuDevice({ threads }).load([lowered]);
    for (const { name, shape } of [q, k, v]) {
      executor.write(name, normalNumbers(name, shape.reduce((x, y) => x * y)));
    }
    executor.write("mask", attentionMask(B, T));
    executor.run("attention");
    const read = await Promise.all([0, 1, 2].map((i) => executor.read(`d${i}`)));
    await executor.close();
    return read.map((data) => bitsOf(data as Float32Array));
  }));
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});
