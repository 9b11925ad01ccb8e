/** The traps of federated rank-1 components, each shown and each avoided, through the same calls a run makes. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  adaptive,
  aggregate,
  type Aggregator,
  zeroDelta,
  zeroPad,
} from "../../src/protocol/aggregate/mod.ts";
import { type AdapterBank, createBank, scale } from "../../src/protocol/bank.ts";
import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { deltaWeight } from "../../src/protocol/components.ts";
import { dealOf, dealRound } from "../../src/protocol/deal.ts";
import {
  applyDownload,
  type ClientAdapter,
  decodeDownload,
  decodeUpdate,
  encodeDownload,
  encodeUpdate,
} from "../../src/protocol/messages/mod.ts";
import type { Distribution } from "../../src/protocol/method.ts";
import { randomStream } from "../../src/protocol/random.ts";
import { componentScores, magnitudeScores } from "../../src/protocol/scores.ts";
import { greedy, sampled, type Selector, selectPerModule } from "../../src/protocol/selection.ts";
import { extractUpdate } from "../../src/protocol/update.ts";
import { validateUpdate } from "../../src/protocol/validate_update.ts";
import { sensitivity, zeroSensitivity } from "../reference/sensitivity.ts";
import { normals, randomRound, roundShape } from "./support.ts";

const modules = [{ name: "q_proj", inFeatures: 3, outFeatures: 2 }];
const fresh = createBank({ modules, rank: 8, alpha: 16, seed: 1, head: [] });

/** What a naive implementation does: the first of equals. */
const byIndex: Selector = (scores, count) =>
  Uint32Array.from(
    Array.from(scores, (_, i) => i).sort((x, y) => scores[y] - scores[x]).slice(0, count),
  ).sort();

interface Run {
  readonly ranks: readonly number[];
  readonly selector: Selector;
  readonly warmupRounds: number;
  readonly rounds: number;
  readonly seed: number;
}

/** Plays rounds in which training moves b of the trained components; scores are magnitudes, so 0 exactly where b is 0. */
function play({ ranks, rounds, ...selection }: Run): AdapterBank {
  const participants = ranks.map((rank, client) => ({ client, rank }));
  let bank = fresh;
  for (let round = 0; round < rounds; round++) {
    const settings = { method: "freeze", scope: selectPerModule } as const;
    const deals = dealRound({ ...settings, ...selection, bank, participants, round });
    const updates = deals.map((deal) => {
      const stream = randomStream(selection.seed, "training", round, deal.client);
      const client = receive(bank, deal);
      for (const { b } of client.modules) {
        b.forEach((_, at) => b[at] += deal.train[0][at % bank.rank] * stream.uniform());
      }
      return send(bank, client, client.modules.map(magnitudeScores));
    });
    bank = aggregate(adaptive, bank, updates);
  }
  return bank;
}

function receive(bank: AdapterBank, deal: ClientAdapter["deal"]): ClientAdapter {
  return applyDownload(bank, decodeDownload(encodeDownload(bank, deal, { run: "r" }).bytes, bank));
}

function send(bank: AdapterBank, client: ClientAdapter, scores: Float64Array[], samples = 10) {
  const update = extractUpdate(bank, client.deal, { ...client, samples, scores });
  const decoded = decodeUpdate(encodeUpdate(bank, update, { run: "r" }).bytes, bank).update;
  validateUpdate(bank, client.deal, decoded);
  return decoded;
}

const componentsTrained = (bank: AdapterBank) =>
  bank.trained[0].reduce((sum, flag) => sum + flag, 0);

/** ∂L/∂A and ∂L/∂B of L = ½‖Y − target‖², Y = s·X·Aᵀ·Bᵀ, for random X [4, in] and target [4, out]. */
function gradients({ modules: [{ a, b, inFeatures, outFeatures }], rank, alpha }: AdapterBank) {
  const s = scale({ rank, alpha });
  const stream = randomStream(1, "data");
  const gradient = { a: new Float64Array(a.length), b: new Float64Array(b.length) };
  for (let token = 0; token < 4; token++) {
    const x = normals(inFeatures, stream);
    const hidden = Array.from(
      { length: rank },
      (_, i) => x.reduce((sum, value, j) => sum + value * a[i * inFeatures + j], 0),
    );
    for (let row = 0; row < outFeatures; row++) {
      const y = s * hidden.reduce((sum, value, i) => sum + value * b[row * rank + i], 0);
      const dy = y - stream.normal();
      for (let i = 0; i < rank; i++) {
        gradient.b[row * rank + i] += s * dy * hidden[i];
        for (let j = 0; j < inFeatures; j++) {
          gradient.a[i * inFeatures + j] += s * dy * b[row * rank + i] * x[j];
        }
      }
    }
  }
  return gradient;
}

function firstScores(bank: AdapterBank): Float64Array {
  const [{ a, b }] = bank.modules;
  const gradient = gradients(bank);
  const measured = {
    a: sensitivity(zeroSensitivity(a.length), a, gradient.a),
    b: sensitivity(zeroSensitivity(b.length), b, gradient.b),
  };
  return componentScores(modules[0], measured, "smoothed-uncertainty");
}

Deno.test("trap 1: every score is exactly 0 when B is 0, though B has a gradient", () => {
  assert(gradients(fresh).b.some((value) => value !== 0));
  assert.deepEqual([...firstScores(fresh)], Array(8).fill(0));
  const [module] = fresh.modules;
  const moved = {
    ...fresh,
    modules: [{ ...module, b: module.b.map((_, at) => at % 8 === 5 ? 0.1 : 0) }],
  };
  firstScores(moved).forEach((score, i) => assert.equal(score > 0, i === 5));
});

Deno.test("trap 1: an index tie-break trains 2 of 8 components for ever; ours trains all", () => {
  const ranks = [2, 2, 2, 2];
  const naive = play({ ranks, selector: byIndex, warmupRounds: 0, rounds: 10, seed: 1 });
  assert.equal(componentsTrained(naive), 2);
  for (let seed = 0; seed < 20; seed++) {
    const tied = play({ ranks, selector: greedy, warmupRounds: 0, rounds: 1, seed });
    assert(componentsTrained(tied) > 2, "ties are broken by client");
    const warm = play({ ranks, selector: greedy, warmupRounds: 1, rounds: 1, seed });
    assert.equal(componentsTrained(warm), 8);
  }
});

Deno.test("trap 2: greedy and sampled selection never revive a component; the warm-up covers all", () => {
  for (const selector of [greedy, sampled(1)]) {
    const cold = play({ ranks: [2], selector, warmupRounds: 0, rounds: 20, seed: 1 });
    assert.equal(componentsTrained(cold), 2);
    cold.scores[0].forEach((score, i) => assert.equal(score > 0, cold.trained[0][i] === 1));
    const warm = play({ ranks: [2], selector, warmupRounds: 4, rounds: 4, seed: 1 });
    assert.equal(componentsTrained(warm), 8);
    assert(warm.scores[0].every((score) => score > 0));
  }
});

const shares: readonly [string, Aggregator, factor: (f: number) => number][] = [
  [
    "literal zero-padding shrinks a component by f in each factor, f² in the product",
    zeroPad,
    (f) => f,
  ],
  ["zero-delta does not shrink a component that its owners left alone", zeroDelta, () => 1],
  [
    "adaptive aggregation does not shrink a component that its owners left alone",
    adaptive,
    () => 1,
  ],
];

for (const [title, aggregator, factor] of shares) {
  Deno.test(`trap 4: ${title}, every round`, () => {
    const f = 0.25; // client 0 owns component 0 with 1 of 4 samples; client 1 owns the others
    const [module] = fresh.modules;
    const start = {
      ...fresh,
      modules: [{ ...module, a: module.a.map(() => 1), b: module.b.map(() => 1) }],
    };
    let bank: AdapterBank = start;
    for (let round = 0; round < 3; round++) {
      const updates = [[0], [1, 2, 3, 4, 5, 6, 7]].map((list, client) => {
        const deal = dealOf(8, client, round, "truncate", [Uint32Array.from(list)]);
        const unmoved = receive(bank, deal);
        return send(bank, unmoved, [new Float64Array(8)], client === 0 ? 1 : 3);
      });
      bank = aggregate(aggregator, bank, updates);
      const kept = factor(f) ** (round + 1);
      assert.equal(bank.modules[0].a[0], kept);
      assert.equal(bank.modules[0].b[0], kept);
      assert.equal(bank.modules[0].a[0] * bank.modules[0].b[0], kept ** 2);
    }
  });
}

Deno.test("trap 6: the scale is one on every tier, so disjoint truncations add up to the whole", () => {
  fc.assert(fc.property(fc.nat(), (seed) => {
    const [module] = fresh.modules;
    const b = normals(module.b.length, randomStream(seed));
    const bank = { ...fresh, modules: [{ ...module, b }] };
    const tiers = [[0, 5], [3, 4], [1, 2, 6, 7]]; // ranks 2, 2, 4
    const parts = tiers.map((list, client) => {
      const deal = dealOf(8, client, 0, "truncate", [Uint32Array.from(list)]);
      return deltaWeight(receive(bank, deal).modules[0], scale(bank));
    });
    deltaWeight(bank.modules[0], scale(bank)).forEach((value, at) => {
      const sum = parts.reduce((total, part) => total + part[at], 0);
      assert(Math.abs(sum - value) <= 1e-12 * Math.max(1, Math.abs(value)));
    });
  }));
  assert.equal(scale(fresh), 2, "α / r of the server");
});

Deno.test("trap 8: index i means the same component everywhere, so an idle round changes no bit", () => {
  const methods = fc.constantFrom<Distribution>("freeze", "truncate", "full");
  fc.assert(fc.property(roundShape, methods, fc.nat(), (shape, method, order) => {
    const { bank, deals } = randomRound(shape, method);
    const updates = deals.map((deal) => {
      const { scores: _, ...idle } = send(bank, receive(bank, deal), bank.scores.slice());
      return idle;
    });
    const arrived = randomStream(order).shuffle(updates);
    for (const aggregator of [adaptive, zeroDelta]) {
      const next = aggregate(aggregator, bank, arrived);
      assert.deepEqual(encodeBank({ ...next, trained: bank.trained }), encodeBank(bank));
    }
  }));
});
