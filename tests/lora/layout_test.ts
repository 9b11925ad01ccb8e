import assert from "node:assert/strict";
import { buildTraining } from "../../src/lora/adapted_model.ts";
import {
  componentSlots,
  elementSlots,
  headSlot,
  maskStride,
  packLayout,
} from "../../src/lora/layout.ts";
import { B, classifierOf, readTinyModel, T } from "./support.ts";

/** Two modules of rank 2 and a head of two tensors. */
const LAYOUT = packLayout(
  [
    { name: "q", inFeatures: 3, outFeatures: 2 },
    { name: "v", inFeatures: 1, outFeatures: 40 },
  ],
  2,
  [
    { name: "score.weight", shape: [2, 3], deviation: 0.02 },
    { name: "score.bias", shape: [2], deviation: 0 },
  ],
);

Deno.test("packLayout() aligns every tensor to 64 elements", () => {
  assert.deepEqual(LAYOUT.a, [{ offset: 0, shape: [2, 3] }, { offset: 64, shape: [2, 1] }]);
  // v's B holds 80 elements: two steps of 64.
  assert.deepEqual(LAYOUT.b, [{ offset: 128, shape: [2, 2] }, { offset: 192, shape: [40, 2] }]);
  assert.deepEqual(LAYOUT.headSlices, [
    { offset: 320, shape: [2, 3] },
    { offset: 384, shape: [2] },
  ]);
  assert.equal(LAYOUT.length, 448);
  assert.equal(LAYOUT.slots, 2 * 2 * 2 + 2 + 1);
});

Deno.test("elementSlots() gives each row of A and each column of B a slot of its own", () => {
  const slots = elementSlots(LAYOUT);
  const at = (offset: number, count: number) => Array.from(slots.subarray(offset, offset + count));
  assert.equal(slots.length, 448);
  assert.deepEqual(at(0, 7), [0, 0, 0, 2, 2, 2, 10], "q's A, then the gap");
  assert.deepEqual(at(64, 3), [4, 6, 10], "v's A");
  assert.deepEqual(at(128, 5), [1, 3, 1, 3, 10], "q's B");
  assert.deepEqual(at(192, 4), [5, 7, 5, 7], "v's B");
  assert.deepEqual(at(270, 3), [5, 7, 10], "the end of v's B");
  assert.deepEqual(at(320, 7), [8, 8, 8, 8, 8, 8, 10], "score.weight");
  assert.deepEqual(at(384, 3), [9, 9, 10], "score.bias");
  assert.deepEqual(componentSlots(LAYOUT, 1, 1), { a: 6, b: 7 });
  assert.equal(headSlot(LAYOUT, 1), 9);
});

Deno.test("elementSlots() leaves the gaps to the last slot alone", () => {
  const real = elementSlots(LAYOUT).filter((slot) => slot !== LAYOUT.slots - 1);
  assert.equal(real.length, 2 * (3 + 2) + 2 * (1 + 40) + 6 + 2);
});

Deno.test("packLayout() serves a head without modules", () => {
  const layout = packLayout([], 8, [{ name: "score.weight", shape: [2, 3], deviation: 0.02 }]);
  assert.deepEqual([layout.length, layout.slots, layout.headSlices[0].offset], [64, 2, 0]);
});

Deno.test("maskStride() keeps the modules' masks aligned", () => {
  assert.equal(maskStride(LAYOUT), 64);
  assert.equal(maskStride({ ...LAYOUT, rank: 64 }), 64);
  assert.equal(maskStride({ ...LAYOUT, rank: 65 }), 128);
});

Deno.test("buildTraining() refuses a module or head tensor that takes no part", async () => {
  const tiny = await readTinyModel("llama");
  const { layout } = classifierOf(tiny);
  const build = (modules: typeof layout.modules, head: typeof layout.head) =>
    buildTraining(
      classifierOf(tiny, { layout: packLayout(modules, 2, head) }),
      { B, T, ring: 1 },
      "cpu",
    );
  const stranger = { name: "model.layers.9.self_attn.q_proj", inFeatures: 32, outFeatures: 32 };
  assert.throws(() => build([...layout.modules, stranger], layout.head), /"model\.layers\.9.*part/);
  const bias = { name: "score.bias", shape: [3], deviation: 0 };
  assert.throws(() => build(layout.modules, [...layout.head, bias]), /"score\.bias"/);
});
