import assert from "node:assert/strict";
import { adamw } from "./adamw.ts";
import { clipGlobalNorm } from "./clip_global_norm.ts";
import { assertClose } from "./compare.ts";
import { sensitivity, zeroSensitivity } from "./sensitivity.ts";
import { sgd } from "./sgd.ts";

const OPTIONS = {
  step: 1,
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.5,
};

Deno.test("adamw() decays first and then moves by the learning rate on its first step", () => {
  const zeros = [0, 0];
  const state = { parameter: [1, -2], firstMoment: zeros, secondMoment: zeros };
  const next = adamw(state, [4, -0.25], OPTIONS);
  // Decay: 1·0.95 and −2·0.95. Bias-corrected m̂/√v̂ is the gradient's sign.
  assertClose(next.parameter, [0.95 - 0.1, -1.9 + 0.1], 1e-7, "parameter");
  assertClose(next.firstMoment, [0.4, -0.025], 1e-12, "firstMoment");
  assertClose(next.secondMoment, [0.016, 0.0000625], 1e-12, "secondMoment");
});

Deno.test("adamw() corrects both moments for the number of steps", () => {
  const options = { ...OPTIONS, step: 2, beta1: 0.5, beta2: 0.75, epsilon: 1, weightDecay: 0 };
  const state = { parameter: [0], firstMoment: [1], secondMoment: [4] };
  // m = 0.5·1 + 0.5·2 = 1.5, m̂ = 1.5/0.75 = 2; v = 0.75·4 + 0.25·4 = 4, v̂ = 4/0.4375; step
  // 0.1·2/(√v̂ + 1).
  const next = adamw(state, [2], options);
  assertClose(next.parameter, [-0.2 / (Math.sqrt(4 / 0.4375) + 1)], 1e-12, "parameter");
});

Deno.test("adamw() leaves masked elements bit for bit, whatever their gradient", () => {
  const state = { parameter: [-0, 1.5, 2], firstMoment: [3, -0, 5], secondMoment: [6, 7, 8] };
  const next = adamw(state, [NaN, Infinity, 1], OPTIONS, [0, 0, 1]);
  for (const role of ["parameter", "firstMoment", "secondMoment"] as const) {
    assert.ok(Object.is(next[role][0], state[role][0]), role);
    assert.ok(Object.is(next[role][1], state[role][1]), role);
    assert.notEqual(next[role][2], state[role][2]);
  }
});

Deno.test("sgd() steps against the gradient and selects by the mask", () => {
  assert.deepEqual([...sgd([1, 2], [10, 20], 0.1)], [0, 0]);
  const masked = sgd([-0, 2], [Infinity, 20], 0.1, [0, 1]);
  assert.ok(Object.is(masked[0], -0));
  assert.equal(masked[1], 0);
});

Deno.test("clipGlobalNorm() scales all gradients together when their norm is above the limit", () => {
  const { norm, coefficient, clipped } = clipGlobalNorm([[3], [0, 4]], 1);
  assert.equal(norm, 5);
  assert.equal(coefficient, 1 / (5 + 1e-6));
  assert.deepEqual(clipped.map((g) => [...g]), [[3 * coefficient], [0, 4 * coefficient]]);
});

Deno.test("clipGlobalNorm() leaves gradients below the limit alone", () => {
  const { coefficient, clipped } = clipGlobalNorm([[3], [0, 4]], 6);
  assert.equal(coefficient, 1);
  assert.deepEqual(clipped.map((g) => [...g]), [[3], [0, 4]]);
});

Deno.test("clipGlobalNorm() does not count masked elements", () => {
  const { norm } = clipGlobalNorm([[3, NaN], [0, 4]], 1, [[1, 0], [1, 1]]);
  assert.equal(norm, 5);
});

Deno.test("sensitivity() smooths |w·g| and its distance from the updated mean", () => {
  // I = 6. Ī = 0.5·2 + 0.5·6 = 4. Ū = 0.75·1 + 0.25·|6 − 4| = 1.25.
  const next = sensitivity({ smoothed: [2], uncertainty: [1] }, [-3], [2], 0.5, 0.75);
  assert.deepEqual([next.smoothed[0], next.uncertainty[0]], [4, 1.25]);
});

Deno.test("sensitivity() starts from zero without bias correction", () => {
  const next = sensitivity(zeroSensitivity(1), [1], [1]);
  assertClose(next.smoothed, [0.15], 1e-12, "smoothed");
  assertClose(next.uncertainty, [0.15 * 0.85], 1e-12, "uncertainty");
});

Deno.test("sensitivity() goes on from its own result, and keeps the old state", () => {
  // I = 6: Ī = 0.5·6 = 3; Ū = 0.75·|6 − 3| = 2.25. Then I = 1: Ī = 0.5·3 + 0.5·1 = 2; Ū = 0.25·2.25 + 0.75·|1 − 2| = 1.3125.
  const first = sensitivity(zeroSensitivity(1), [2], [-3], 0.5, 0.25);
  const second = sensitivity(first, [-1], [-1], 0.5, 0.25);
  assert.deepEqual([first.smoothed[0], first.uncertainty[0]], [3, 2.25]);
  assert.deepEqual([second.smoothed[0], second.uncertainty[0]], [2, 1.3125]);
});

Deno.test("sensitivity() throws RangeError when lengths differ", () => {
  assert.throws(() => sensitivity(zeroSensitivity(2), [1, 2], [1]), RangeError);
});
