import assert from "node:assert/strict";
import { buildTraining, maskStride } from "../../src/lora/classifier.ts";
import { componentSlot, elementSlots, headSlot, packLayout } from "../../src/lora/layout.ts";
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
  assert.equal(LAYOUT.slots, 2 * 2 + 2 + 1);
});

Deno.test("elementSlots() gives a row of A and a column of B to one component", () => {
  const slots = elementSlots(LAYOUT);
  const at = (offset: number, count: number) => Array.from(slots.subarray(offset, offset + count));
  assert.equal(slots.length, 448);
  assert.deepEqual(at(0, 7), [0, 0, 0, 1, 1, 1, 6], "q's A, then the gap");
  assert.deepEqual(at(64, 3), [2, 3, 6], "v's A");
  assert.deepEqual(at(128, 5), [0, 1, 0, 1, 6], "q's B");
  assert.deepEqual(at(192, 4), [2, 3, 2, 3], "v's B");
  assert.deepEqual(at(270, 3), [2, 3, 6], "the end of v's B");
  assert.deepEqual(at(320, 7), [4, 4, 4, 4, 4, 4, 6], "score.weight");
  assert.deepEqual(at(384, 3), [5, 5, 6], "score.bias");
  assert.deepEqual([componentSlot(LAYOUT, 1, 1), headSlot(LAYOUT, 1)], [3, 5]);
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
