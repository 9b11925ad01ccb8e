import assert from "node:assert/strict";
import { SLOT_SETTINGS, STEP_SETTINGS } from "../../../src/engine/ops/step_settings.ts";
import { adamw } from "../../reference/adamw.ts";
import { assertClose } from "../../reference/compare.ts";
import { sensitivity } from "../../reference/sensitivity.ts";
import { bitsOf, createHeap, type Heap, onEveryVariant } from "./vector_testing.ts";

const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8].map(Math.fround);
const [meanBeta, deviationBeta] = [0.85, 0.7].map(Math.fround);
/** Of slots 0 to 2; the last is not trained, and nobody may read its corrections. */
const RATES = [0.01, 0.3, 0.5].map(Math.fround);
const STEPS = [1, 40, 0];
const TOLERANCE = 2e-6;

function settings(factor: number): Float32Array {
  const values = new Float32Array(STEP_SETTINGS + RATES.length * SLOT_SETTINGS).fill(NaN);
  values.set([factor, beta1, beta2, epsilon]);
  values.set([meanBeta, deviationBeta], 7);
  RATES.forEach((rate, slot) => {
    const t = STEPS[slot];
    const corrections = t > 0 ? [1 - beta1 ** t, 1 - beta2 ** t] : [NaN, NaN];
    values.set([rate, 0.125, t > 0 ? 1 : 0, ...corrections], STEP_SETTINGS + slot * SLOT_SETTINGS);
  });
  return values;
}

const SHAPES = [1, 2, 3, 4, 5, 7, 8, 64, 333];

/** Slots in turn, as in an adapter's B, then a run of each, as everywhere else. */
const slotsOf = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => i < count / 2 ? i % 3 : Math.floor(3 * i / count));

function gradientCall(heap: Heap, count: number) {
  return {
    gradient: heap.take(count),
    slots: heap.takeWords(slotsOf(count)),
    settings: heap.take(settings(0.5)),
  };
}

onEveryVariant("adamw() equals its oracle and leaves alone what is not trained", (vector) => {
  for (const count of SHAPES) {
    const heap = createHeap(count % 4);
    const call = {
      ...gradientCall(heap, count),
      dataGradient: heap.take(count),
      clip: heap.take([0.25, 7]),
      parameters: heap.take(count),
      moments: heap.take(Float32Array.from({ length: 2 * count }, (_, i) => (i % 7) / 8)),
      sensitivity: heap.take(Float32Array.from({ length: 2 * count }, (_, i) => (i % 5) / 4)),
    };
    const { gradient, dataGradient, slots, parameters, moments } = call;
    const every = (pairs: Float32Array, first: number) =>
      Float64Array.from({ length: count }, (_, i) => pairs[2 * i + first]);
    const state = {
      parameter: Float64Array.from(parameters),
      firstMoment: every(moments, 0),
      secondMoment: every(moments, 1),
    };
    const smoothed = sensitivity(
      { smoothed: every(call.sensitivity, 0), uncertainty: every(call.sensitivity, 1) },
      parameters,
      dataGradient,
      meanBeta,
      deviationBeta,
    );
    const before = [parameters, moments].map(bitsOf);
    vector.adamw(call, 0, count);
    const clipped = Float64Array.from(gradient, (g) => 0.25 * g);
    RATES.forEach((rate, slot) => {
      const mine = Float64Array.from(slots, (other) => other === slot ? 1 : 0);
      const step = STEPS[slot];
      const options = { learningRate: rate / 2, beta1, beta2, epsilon, weightDecay: 0.125 };
      const after = step > 0 ? adamw(state, clipped, { ...options, step }, mine) : state;
      const ofSlot = (values: ArrayLike<number>) =>
        Float64Array.from(mine, (one, i) => one * values[i]);
      for (
        const [actual, expected] of [
          [parameters, after.parameter],
          [every(moments, 0), after.firstMoment],
          [every(moments, 1), after.secondMoment],
        ]
      ) assertClose(ofSlot(actual), ofSlot(expected), TOLERANCE, `${count}, slot ${slot}`);
    });
    assertClose(every(call.sensitivity, 0), smoothed.smoothed, TOLERANCE, "smoothed");
    assertClose(every(call.sensitivity, 1), smoothed.uncertainty, TOLERANCE, "uncertainty");
    [parameters, moments].forEach((values, i) => {
      const after = bitsOf(values), pairs = values.length / count;
      after.forEach((bits, at) => {
        if (STEPS[slots[Math.floor(at / pairs)]] === 0) assert.equal(bits, before[i][at]);
      });
    });
    heap.check();
  }
});

onEveryVariant("adamw() computes the same bits when a range is cut anywhere", (vector) => {
  const results = [[21], [1, 6, 21], [5, 13, 21]].map((ends) => {
    const heap = createHeap(1);
    const state = {
      parameters: heap.take(21),
      moments: heap.take(Float32Array.from({ length: 42 }, (_, i) => (i % 7) / 8)),
      sensitivity: heap.take(42),
    };
    const common = gradientCall(heap, 21);
    const call = { ...common, dataGradient: common.gradient, clip: heap.take([1, 1]), ...state };
    let begin = 0;
    for (const end of ends) {
      vector.adamw(call, begin, end);
      begin = end;
    }
    return Object.values(state).map(bitsOf);
  });
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});

onEveryVariant("squareSum() covers what is trained of a range", (vector) => {
  for (const count of [...SHAPES, 4096]) {
    const heap = createHeap(count % 4);
    const call = gradientCall(heap, count);
    const sums = heap.take(3);
    const others = [sums[0], sums[2]];
    const begin = count > 4 ? 1 : 0;
    if (count > 1) call.gradient[call.slots.indexOf(2)] = Infinity;
    vector.squareSum(call, sums, 1, begin, count);
    let expected = 0;
    for (let i = begin; i < count; i++) {
      if (call.slots[i] !== 2) expected += call.gradient[i] ** 2;
    }
    assert.ok(Math.abs(sums[1] - expected) <= 1e-5 * expected, `${sums[1]} for ${expected}`);
    assert.deepEqual([sums[0], sums[2]], others);
    heap.check();
  }
});
