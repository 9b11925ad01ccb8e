import assert from "node:assert/strict";
import { packLayout } from "../../src/lora/layout.ts";
import { countSteps, setStep, settingsBuffer } from "../../src/lora/optimizer_settings.ts";

const LAYOUT = packLayout([{ name: "q", inFeatures: 3, outFeatures: 2 }], 2, [
  { name: "score.weight", shape: [2, 3], deviation: 0.02 },
]);

/** Numbers that float32 holds exactly, each its own. */
const SETTINGS = {
  learningRate: 0.5,
  headLearningRate: 0.25,
  weightDecay: 0.125,
  beta1: 0.5,
  beta2: 0.75,
  epsilon: 0.0625,
  clipNorm: 3,
  proximal: 0.875,
  sensitivityBeta1: 0.375,
  sensitivityBeta2: 0.625,
} as const;

/** Steps before the first. */
const NONE = new Uint32Array(LAYOUT.slots);

Deno.test("settingsBuffer() gives each component its mask, and the head its own rate", () => {
  const buffer = settingsBuffer(LAYOUT, SETTINGS, { train: [Uint8Array.of(0, 1)] });
  assert.deepEqual(Array.from(buffer), [
    ...new Array(16).fill(0),
    ...[0.5, 0.125, 0, 0, 0, 0.5, 0.125, 0, 0, 0], // a and b of component 0, frozen
    ...[0.5, 0.125, 1, 0, 0, 0.5, 0.125, 1, 0, 0], // component 1
    ...[0.25, 0.125, 1, 0, 0], // score.weight
    ...[0, 0, 0, 0, 0], // the gaps
  ]);
});

Deno.test("settingsBuffer() trains no row of A where only B is trained", () => {
  const buffer = settingsBuffer(LAYOUT, SETTINGS, { train: [Uint8Array.of(0, 1)], factors: "b" });
  const trained = Array.from({ length: LAYOUT.slots }, (_, slot) => buffer[16 + 5 * slot + 2]);
  assert.deepEqual(trained, [0, 0, 0, 1, 1, 0]);
});

Deno.test("setStep() corrects each trained slot by its own steps and leaves the rest alone", () => {
  const buffer = settingsBuffer(LAYOUT, SETTINGS, { train: [Uint8Array.of(0, 1)] });
  const before = Uint32Array.of(5, 5, 0, 4, 1, 0);
  setStep(buffer, SETTINGS, before, 1, 1);
  setStep(buffer, SETTINGS, before, 2, 0.5);
  assert.deepEqual(Array.from(buffer), [
    ...[0.5, 0.5, 0.75, 0.0625, 0.875, 0, 3, 0.375, 0.625],
    ...new Array(7).fill(0),
    ...[0.5, 0.125, 0, 0, 0, 0.5, 0.125, 0, 0, 0], // frozen: nobody reads its corrections
    ...[0.5, 0.125, 1, 1 - 0.5 ** 2, 1 - 0.75 ** 2],
    ...[0.5, 0.125, 1, 1 - 0.5 ** 6, Math.fround(1 - 0.75 ** 6)],
    ...[0.25, 0.125, 1, 1 - 0.5 ** 3, 1 - 0.75 ** 3],
    ...[0, 0, 0, 0, 0],
  ]);
});

Deno.test("setStep() corrects the moments by what float32 weighs them with", () => {
  const buffer = settingsBuffer(LAYOUT, SETTINGS, { train: [Uint8Array.of(1, 1)] });
  setStep(buffer, { ...SETTINGS, beta1: 0.9, beta2: 0.999 }, NONE, 1, 1);
  // After one step the moments are (1 − β)·g and (1 − β)·g², which the corrections must divide away.
  for (const slot of [0, 1, 2, 3, 4]) {
    const [correction1, correction2] = buffer.subarray(16 + 5 * slot + 3);
    assert.equal(correction1, 1 - buffer[1]);
    assert.equal(correction2, 1 - buffer[2]);
    assert.notEqual(correction2, Math.fround(0.001));
  }
});

Deno.test("countSteps() counts for what was trained, and always for the head", () => {
  const once = countSteps(LAYOUT, { train: [Uint8Array.of(0, 1)] }, 3);
  assert.deepEqual(once, Uint32Array.of(0, 0, 3, 3, 3, 0));
  const twice = countSteps(LAYOUT, { train: [Uint8Array.of(1, 0)], factors: "b" }, 2, once);
  assert.deepEqual(twice, Uint32Array.of(0, 2, 3, 3, 5, 0));
  assert.deepEqual(once, Uint32Array.of(0, 0, 3, 3, 3, 0), "the earlier count stays as it was");
});
