import assert from "node:assert/strict";
import { packLayout } from "../../src/lora/layout.ts";
import { setStep, settingsBuffer } from "../../src/lora/optimizer_settings.ts";

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
  sensitivityBeta1: 0.375,
  sensitivityBeta2: 0.625,
} as const;

Deno.test("settingsBuffer() gives each component its mask, and the head its own rate", () => {
  const buffer = settingsBuffer(LAYOUT, SETTINGS, [Uint8Array.of(0, 1)]);
  assert.deepEqual(Array.from(buffer), [
    ...new Array(16).fill(0),
    ...[0.5, 0.125, 0, 0], // component 0, frozen
    ...[0.5, 0.125, 1, 0], // component 1
    ...[0.25, 0.125, 1, 0], // score.weight
    ...[0, 0, 0, 0], // the gaps
  ]);
});

Deno.test("setStep() writes the corrections of step t and leaves the slots alone", () => {
  const buffer = settingsBuffer(LAYOUT, SETTINGS, [Uint8Array.of(1, 1)]);
  const slots = buffer.slice(16);
  setStep(buffer, SETTINGS, 1, 1);
  setStep(buffer, SETTINGS, 2, 0.5);
  assert.deepEqual(
    Array.from(buffer.subarray(0, 9)),
    [0.5, 0.5, 0.75, 0.0625, 1 - 0.5 ** 2, 1 - 0.75 ** 2, 3, 0.375, 0.625],
  );
  assert.deepEqual(buffer.slice(16), slots);
});

Deno.test("setStep() corrects the moments by what float32 weighs them with", () => {
  const buffer = settingsBuffer(LAYOUT, SETTINGS, [Uint8Array.of(1, 1)]);
  setStep(buffer, { ...SETTINGS, beta1: 0.9, beta2: 0.999 }, 1, 1);
  // After one step the moments are (1 − β)·g and (1 − β)·g², which the corrections must divide away.
  assert.equal(buffer[4], 1 - buffer[1]);
  assert.equal(buffer[5], 1 - buffer[2]);
  assert.notEqual(buffer[5], Math.fround(0.001));
});
