import assert from "node:assert/strict";
import { type AdapterBank, createBank } from "../../src/protocol/bank.ts";
import { dealOf } from "../../src/protocol/deal.ts";
import { randomStream } from "../../src/protocol/random.ts";
import { extractUpdate } from "../../src/protocol/update.ts";
import {
  adamRatio,
  honestNormBound,
  type TrainingBoundSettings,
  updateNorm,
} from "../../src/protocol/update_norm.ts";
import { adamw, type AdamwState } from "../reference/adamw.ts";
import { randomBank, randomDeal } from "./support.ts";

const settings: TrainingBoundSettings = {
  optimizer: "adamw",
  lr: 1e-2,
  lrByRank: "equal",
  ranks: [2],
  headLr: 3e-2,
  weightDecay: 0,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  clipNorm: 0,
  localSteps: 20,
  rounds: 10,
  optimizerState: "reset",
  aggregation: "adaptive",
  serverOptimizer: "none",
};

const bank = createBank({
  modules: [{ name: "q", inFeatures: 3, outFeatures: 2 }],
  rank: 2,
  alpha: 4,
  seed: 1,
  head: [{ name: "head", shape: [2], data: new Float32Array([0.5, -2]) }],
});

/** Gradient of every weight at a step from 0 of `steps`. */
type Gradients = (step: number, weight: number, steps: number) => number;

/** The most different gradients there are: growing so that Adam's ratio is largest, alternating, one at the end, wildly unequal. */
const extremes: Readonly<Record<string, Gradients>> = {
  growing: (step) => (0.999 / 0.9) ** step,
  "growing fast": (step) => 10 ** (step % 200),
  constant: () => 1,
  huge: () => 1e30,
  tiny: () => 1e-12,
  alternating: (step) => (-1) ** step,
  "last alone": (step, _, steps) => step === steps - 1 ? 1 : 0,
  unequal: (step, weight) => randomStream(1, "gradient", step, weight).normal() ** 9,
};

/** Weights after a number of AdamW steps. */
function trained(
  start: ArrayLike<number>,
  rate: number,
  gradients: Gradients,
  { adamBeta1, adamBeta2, weightDecay, localSteps }: TrainingBoundSettings,
): Float64Array {
  const zeros = () => new Float64Array(start.length);
  let state: AdamwState = {
    parameter: Float64Array.from(start),
    firstMoment: zeros(),
    secondMoment: zeros(),
  };
  for (let step = 0; step < localSteps; step++) {
    const gradient = Array.from(start, (_, weight) => gradients(step, weight, localSteps));
    state = adamw(state, gradient, {
      step: step + 1,
      learningRate: rate,
      beta1: adamBeta1,
      beta2: adamBeta2,
      epsilon: 1e-8,
      weightDecay,
    });
  }
  return Float64Array.from(state.parameter);
}

function distance(one: ArrayLike<number>, other: ArrayLike<number>): number {
  return Math.hypot(...Array.from(one, (value, i) => value - other[i]));
}

function honestNorm(bank: AdapterBank, gradients: Gradients, own: TrainingBoundSettings): number {
  const parts = [
    ...bank.modules.flatMap(({ a, b }) => [a, b]).map((data) => [data, own.lr] as const),
    ...bank.head.map(({ data }) => [data, own.headLr] as const),
  ];
  return Math.hypot(
    ...parts.map(([data, rate]) => distance(trained(data, rate, gradients, own), data)),
  );
}

Deno.test("updateNorm() measures A, B and head of the components trained, by hand", () => {
  const deal = dealOf(2, 0, 0, "freeze", [new Uint32Array([1])]);
  const moved = bank.modules.map((module) => ({
    ...module,
    a: module.a.map((value, at) => value + (at === 4 ? 2 : 0)),
    b: module.b.map((value, at) => value + (at === 3 ? 4 : at === 0 ? 100 : 0)), // b[0] is component 0's
  }));
  const head = bank.head.map((tensor) => ({ ...tensor, data: new Float32Array([0.5, 2]) }));
  const update = extractUpdate(bank, deal, { samples: 1, modules: moved, head });
  assert.ok(Math.abs(updateNorm(bank, update) - 6) < 1e-6); // √(2² + 4² + 4²)
  const { a: _, ...ofB } = update;
  assert.ok(Math.abs(updateNorm(bank, ofB) - Math.sqrt(32)) < 1e-6);
});

Deno.test("updateNorm() is 0 for what a client was dealt", () => {
  const shape = { seed: 3, rank: 5, modules: [[4, 3], [2, 6]], clients: 1 } as const;
  const own = randomBank(shape);
  const deal = randomDeal(own, 0, "freeze", randomStream(1, "deal"));
  assert.equal(updateNorm(own, extractUpdate(own, deal, { ...own, samples: 1 })), 0);
});

Deno.test("adamRatio() is reached by gradients that grow by beta2 / beta1, and beats Kingma and Ba's bound", () => {
  for (const [beta1, beta2, localSteps] of [[0.9, 0.999, 100], [0.5, 0.9, 7], [0, 0.99, 5]]) {
    const own = { ...settings, adamBeta1: beta1, adamBeta2: beta2 };
    const growth = beta1 === 0 ? 1e6 : beta2 / beta1;
    const gradients = (step: number) => 1e3 * growth ** step;
    const [after] = trained([0], 1, gradients, { ...own, localSteps });
    const [before] = trained([0], 1, gradients, { ...own, localSteps: localSteps - 1 });
    const ratio = adamRatio(beta1, beta2, localSteps);
    assert.ok(Math.abs((before - after) / ratio - 1) < 1e-3, `${before - after} of ${ratio}`);
  }
  assert.ok(adamRatio(0.9, 0.999, 10_000) > 2 * 0.1 / Math.sqrt(0.001));
});

Deno.test("adamRatio() starts at 1 and never falls", () => {
  for (const beta1 of [0, 0.3, 0.85, 0.9, 0.95, 0.999]) {
    for (const beta2 of [0.1, 0.81, 0.9, 0.95, 0.99, 0.999, 0.9999]) {
      assert.equal(adamRatio(beta1, beta2, 1), 1);
      for (let step = 1; step < 3000; step++) {
        const [now, next] = [step, step + 1].map((t) => adamRatio(beta1, beta2, t));
        assert.ok(next >= now * (1 - 1e-9), `${beta1} ${beta2} at ${step}: ${now} then ${next}`);
      }
    }
  }
  assert.equal(adamRatio(0, 0, 5), 1);
  assert.equal(adamRatio(0.9, 0, 5), Infinity);
});

Deno.test("honestNormBound() is above what AdamW does under extreme gradients, and not far", () => {
  let closest = 0;
  for (const weightDecay of [0, 0.01, 0.5, 30]) {
    for (const localSteps of [1, 2, 20, 150]) {
      const own = { ...settings, weightDecay, localSteps };
      const bound = honestNormBound(own, bank);
      for (const [name, gradients] of Object.entries(extremes)) {
        const norm = honestNorm(bank, gradients, own);
        assert.ok(norm <= bound, `${name}: ${norm} above ${bound} with ${JSON.stringify(own)}`);
        if (weightDecay === 0) closest = Math.max(closest, norm / bound);
      }
    }
  }
  assert.ok(closest > 0.98, `${closest}`); // The first step is lr exactly.
});

Deno.test("honestNormBound() takes the rate of the smallest rank", () => {
  const bound = (changes: Partial<TrainingBoundSettings>) =>
    honestNormBound({ ...settings, headLr: 0, ...changes }, bank);
  const equal = bound({ ranks: [1, 2] });
  assert.equal(equal, bound({}));
  assert.ok(Math.abs(bound({ lrByRank: "root", ranks: [2, 1] }) / equal - Math.SQRT2) < 1e-12);
  assert.equal(bound({ lrByRank: "root", ranks: [2] }), equal);
});

Deno.test("honestNormBound() holds over rounds in which weights grow and decay", () => {
  const own: TrainingBoundSettings = { ...settings, weightDecay: 3, rounds: 30 };
  const bound = honestNormBound(own, bank);
  let data: ArrayLike<number> = bank.modules[0].a;
  let largest = 0;
  for (let round = 0; round < own.rounds; round++) {
    // All push outwards for 29 rounds, then back with the decay.
    const sign = round === own.rounds - 1 ? 1 : -1;
    const next = trained(data, own.lr, (step) => sign * extremes.growing(step, 0, 0), own);
    largest = Math.max(largest, distance(next, data));
    data = next;
  }
  const undecayed = honestNormBound({ ...own, weightDecay: 0 }, bank);
  assert.ok(largest <= bound && undecayed < bound, `${largest} of ${bound}`);
});

Deno.test("honestNormBound() under decay is Infinity where the server's weights can grow by themselves", () => {
  const growing: readonly Partial<TrainingBoundSettings>[] = [
    { serverOptimizer: "momentum" },
    { serverOptimizer: "adam" },
    { aggregation: "flexlora" },
  ];
  for (const own of growing) {
    assert.equal(honestNormBound({ ...settings, ...own, weightDecay: 0.1 }, bank), Infinity);
    assert.equal(honestNormBound({ ...settings, ...own }, bank), honestNormBound(settings, bank));
  }
});

Deno.test("honestNormBound() covers moments that go on from round to round", () => {
  const reset = honestNormBound(settings, bank);
  const keep = honestNormBound({ ...settings, optimizerState: "keep" }, bank);
  assert.ok(keep > reset);
  // Steps 181 to 200 of the growing gradients, all of them close to the largest ratio.
  const long = { ...settings, localSteps: 200 };
  const last20 = honestNorm(bank, extremes.growing, long) -
    honestNorm(bank, extremes.growing, { ...long, localSteps: 180 });
  assert.ok(last20 <= keep && last20 > 0.9 * keep / 1.01, `${last20} of ${keep}`);
});

Deno.test("honestNormBound() under SGD is the clipped gradient's, and Infinity without clipping", () => {
  const sgd: TrainingBoundSettings = { ...settings, optimizer: "sgd", clipNorm: 2, headLr: 1e-2 };
  const bound = honestNormBound(sgd, bank);
  const reached = sgd.localSteps * sgd.lr * sgd.clipNorm; // all steps one way
  assert.ok(bound >= reached && bound <= 1.5 * reached);
  assert.equal(honestNormBound({ ...sgd, clipNorm: 0 }, bank), Infinity);
  const decay = 0.5;
  // One step from w with the gradient against it: lr·(decay·w + clipNorm).
  const one = { ...sgd, weightDecay: decay, localSteps: 1 };
  const weights = Math.hypot(...bank.modules[0].a, ...bank.head[0].data);
  assert.ok(honestNormBound(one, bank) >= sgd.lr * (decay * weights + sgd.clipNorm));
});
