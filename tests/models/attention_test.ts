import assert from "node:assert/strict";
import { lower } from "../../src/engine/lower.ts";
import { attention as fused } from "../../src/engine/ops/attention.ts";
import { LARGEST_HEAD_SIZE } from "../../src/engine/ops/attention_sizes.ts";
import { bufferTensor, createProgram, keepAs } from "../../src/engine/program.ts";
import { attention, LARGEST_SCORES } from "../../src/models/attention.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { normalNumbers } from "../engine/op_testing.ts";
import { attentionMask } from "../engine/ops/attention_mask.ts";
import { attention as oracle } from "../reference/attention.ts";
import { assertClose } from "../reference/compare.ts";
import { recordingContext } from "./support.ts";

const B = 2, T = 9, H = 2, Hkv = 1;

/** The program of one attention by a model's hand, and the operations that it consists of. */
function build(D: number, { drops = false, device = "cpu" as "cpu" | "webgpu", tokens = T } = {}) {
  const program = createProgram("attention");
  const { context, requests } = recordingContext(program, B, tokens, drops, device);
  const input = (name: string, heads: number) =>
    bufferTensor(program, "input", name, [B, tokens, heads * D]);
  const shape = { heads: H, keyHeads: Hkv, headSize: D, causal: true };
  const result = attention(context, input("q", H), input("k", Hkv), input("v", Hkv), shape);
  keepAs(program, result, "context");
  const operations = program.nodes.map(({ op }) => op);
  return { program: lower(program), operations, dropouts: requests.dropouts };
}

const ONE = ["attention"];
const STEPS = ["attention_matmul", "masked_softmax", "attention_matmul"];

Deno.test("attention() is one operation where nothing is dropped and the head is small enough", () => {
  assert.deepEqual(build(LARGEST_HEAD_SIZE).operations, ONE);
  assert.deepEqual(build(LARGEST_HEAD_SIZE + 1).operations, STEPS);
  const { operations, dropouts } = build(8, { drops: true });
  assert.deepEqual(operations, STEPS);
  assert.deepEqual(dropouts, ["probabilities"]);
});

Deno.test("attention() for WebGPU is one operation where its scores would not fit a binding", () => {
  const tokens = Math.floor(Math.sqrt(LARGEST_SCORES / (B * H)));
  const of = (tokens: number) => build(8, { device: "webgpu", tokens }).operations;
  assert.deepEqual(of(tokens), STEPS);
  assert.deepEqual(of(tokens + 1), ONE);
});

onEveryDevice(
  "attention() equals the oracle on both sides of the largest head size",
  async (device) => {
    for (const D of [LARGEST_HEAD_SIZE, LARGEST_HEAD_SIZE + 1]) {
      const executor = await device.load([build(D).program]);
      try {
        const [q, k, v] = [["q", H], ["k", Hkv], ["v", Hkv]] as const;
        const data = [q, k, v].map(([name, heads]) => {
          const numbers = normalNumbers(`${name} ${D}`, B * T * heads * D);
          executor.write(name, numbers);
          return numbers;
        });
        const mask = attentionMask(B, T);
        executor.write("mask", mask);
        executor.run("attention");
        const settings = { mask, scale: 1 / Math.sqrt(D), causal: true };
        const expected = oracle(data[0], data[1], data[2], { B, T, H, Hkv, D }, settings);
        assertClose(await executor.read("context"), expected, 2e-5, `head size ${D}`);
      } finally {
        await executor.close();
      }
    }
  },
);

Deno.test("attention() as an operation refuses heads that it cannot hold or share", () => {
  const program = createProgram("refused");
  const q = bufferTensor(program, "input", "q", [B, T, 6]);
  const mask = bufferTensor(program, "input", "mask", [B, T], "u32");
  const settings = { scale: 1, causal: false, documents: false };
  assert.throws(() => fused(program, q, q, q, mask, { ...settings, heads: 4, keyHeads: 4 }), {
    name: "RangeError",
    message:
      'Cannot cut "q" of width 6 into 4 heads: expected a divisor of 6 and a head size of at most 128',
  });
  assert.throws(() => fused(program, q, q, q, mask, { ...settings, heads: 3, keyHeads: 2 }), {
    name: "RangeError",
    message: "Cannot share 2 key heads among 3 query heads: expected a divisor of 3",
  });
});
