import assert from "node:assert/strict";
import { createCpuDevice } from "../../../src/engine/cpu/device.ts";
import type { Device } from "../../../src/engine/device.ts";
import { cachedAttention } from "../../../src/engine/ops/cached_attention.ts";
import { bufferTensor, createProgram } from "../../../src/engine/program.ts";
import { assertClose } from "../../reference/compare.ts";
import { attention } from "../../reference/attention.ts";
import { cachedAttention as oracle } from "../../reference/cached_attention.ts";
import { decodingProgram, type DecodingShape } from "../decoding_program.ts";
import { onEveryDevice } from "../devices.ts";
import { normalNumbers } from "../op_testing.ts";

/** New tokens, capacity, heads, key heads, head size: 64 keys at a time on WebGPU, and up to four times 64 columns. */
const shapes: readonly (readonly [number, number, number, number, number])[] = [
  [1, 1, 1, 1, 1],
  [1, 5, 4, 2, 3],
  [1, 131, 6, 3, 7],
  [1, 64, 2, 1, 64],
  [1, 70, 2, 2, 130],
  [1, 9, 1, 1, 256],
  [3, 12, 4, 1, 5],
  [7, 21, 3, 3, 16],
  [32, 160, 2, 1, 33],
];

/** Blocks that lie before: none, one, and all but the last. */
function cursorsOf({ T, capacity }: DecodingShape): number[] {
  const blocks = capacity / T;
  return [...new Set([0, 1, Math.floor(blocks / 2), blocks - 1])].filter((c) => c < blocks);
}

/** What a device computes for a cursor; the caches hold normal numbers, of which the new tokens' are overwritten. */
async function run(device: Device, shape: DecodingShape, cursor: number) {
  const { T, capacity, H, Hkv, D } = shape;
  const named = (name: string, count: number) => normalNumbers(`cached ${name} ${D}`, count);
  const q = named("q", T * H * D);
  const [keys, values] = ["keys", "values"].map((name) => ({
    fresh: named(`new ${name}`, T * Hkv * D),
    cached: named(name, capacity * Hkv * D),
  }));
  const program = decodingProgram(shape);
  const executor = await device.load([program]);
  try {
    executor.write("q", q);
    executor.write("cursor", Uint32Array.of(cursor));
    for (const [name, { fresh, cached }] of Object.entries({ keys, values })) {
      executor.write(name, fresh);
      executor.write(`cached ${name}`, cached);
    }
    executor.run(program.name);
    for (const { fresh, cached } of [keys, values]) cached.set(fresh, cursor * T * Hkv * D);
    return {
      context: await executor.read("context"),
      kept: await executor.read("cached keys"),
      ...{ q, keys: keys.cached, values: values.cached },
    };
  } finally {
    await executor.close();
  }
}

for (const [T, capacity, H, Hkv, D] of shapes) {
  const shape = { T, capacity, H, Hkv, D };
  onEveryDevice(
    `cachedAttention() of ${T} tokens over up to ${capacity}, H ${H}/${Hkv}, D ${D}, equals its float64 oracle`,
    async (device) => {
      for (const cursor of cursorsOf(shape)) {
        const { context, kept, q, keys, values } = await run(device, shape, cursor);
        const before = cursor * T;
        const expected = oracle(q, keys, values, { ...shape, before }, Math.fround(0.3));
        assertClose(context, expected, 2e-5, `cursor ${cursor}`);
        assert.deepEqual(kept, keys, "the new keys lie in their block, the others as before");
      }
    },
  );
}

Deno.test("cachedAttention()'s oracle equals that of causal attention where all tokens are new", () => {
  const [T, H, Hkv, D] = [5, 4, 2, 3];
  const q = normalNumbers("all q", T * H * D);
  const [k, v] = ["k", "v"].map((name) => normalNumbers(`all ${name}`, T * Hkv * D));
  const settings = { mask: new Uint32Array(T).fill(1), scale: 0.3, causal: true };
  assertClose(
    oracle(q, k, v, { T, before: 0, H, Hkv, D }, 0.3),
    attention(q, k, v, { B: 1, T, H, Hkv, D }, settings),
    1e-12,
    "context",
  );
});

Deno.test("cachedAttention() gives the same bytes for every number of threads", async () => {
  const shape = { T: 4, capacity: 512, H: 6, Hkv: 3, D: 64 };
  const contexts = await Promise.all([1, 2, 5].map(async (threads) => {
    return (await run(createCpuDevice({ threads }), shape, 127)).context;
  }));
  assert.deepEqual(contexts[1], contexts[0]);
  assert.deepEqual(contexts[2], contexts[0]);
});

Deno.test("cachedAttention() refuses shapes that do not fit, by name", () => {
  const build = (q: number[], rows: number, heads: number, keyHeads: number) => () => {
    const program = createProgram("bad");
    const cache = (name: string) =>
      bufferTensor(program, "state", name, [rows, q[2] / heads * keyHeads]);
    cachedAttention(
      program,
      bufferTensor(program, "input", "q", q),
      cache("keys"),
      cache("values"),
      bufferTensor(program, "input", "cursor", [1], "u32"),
      { heads, keyHeads, scale: 1 },
    );
  };
  assert.throws(build([2, 1, 4], 3, 2, 1), /RangeError: .*"q": expected one row of tokens, got 2/);
  assert.throws(build([1, 1, 12], 3, 3, 2), /share 2 key heads among 3 query heads/);
  assert.throws(build([1, 1, 514], 3, 2, 1), /a head size of at most 256/);
  assert.throws(build([1, 2, 4], 3, 2, 1), /"keys": expected a divisor of 3/);
});
