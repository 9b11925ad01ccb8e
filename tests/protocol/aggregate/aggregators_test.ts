import assert from "node:assert/strict";
import fc from "fast-check";
import { loadAggregator } from "../../../src/protocol/aggregate/load_aggregator.ts";
import {
  adaptive,
  aggregate,
  type AggregationRule,
  aggregationRules,
  type Aggregator,
  fedit,
  hetlora,
  zeroDelta,
  zeroPad,
} from "../../../src/protocol/aggregate/mod.ts";
import { type AdapterBank, createBank, scale } from "../../../src/protocol/bank.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { deltaWeight } from "../../../src/protocol/components.ts";
import { type Distribution, distributions } from "../../../src/protocol/method.ts";
import { randomStream } from "../../../src/protocol/random.ts";
import { mergeScores } from "../../../src/protocol/scores.ts";
import type { ClientUpdate } from "../../../src/protocol/update.ts";
import { randomBank, randomRound, type RoundShape, roundShape } from "../support.ts";
import { type BankRule, definitions, factorsOf, norm, partsOf, product } from "./definitions.ts";

function close(actual: number, expected: number, largest = 1): void {
  assert(
    Math.abs(actual - expected) <= 1e-5 * Math.max(largest, Math.abs(expected)),
    `${actual} ${expected}`,
  );
}

/** Modules wide enough that all clients' components together are fewer than their numbers of inputs and outputs. */
const larger: RoundShape = { seed: 1, rank: 8, modules: [[64, 48], [33, 70]], clients: 4 };

/** Each rule, and the distributions whose updates it can take. */
const names = Object.keys(definitions) as BankRule[];
const cases = await Promise.all(names.map(async (name) => {
  const rule: AggregationRule = aggregationRules[name];
  const methods: readonly Distribution[] = rule.equalRanks ? ["full"] : distributions;
  return { name, aggregator: await loadAggregator(name), methods };
}));

for (const { name, aggregator, methods } of cases) {
  const method = fc.constantFrom(...methods);

  Deno.test(`${name} aggregation equals its dense definition`, () => {
    fc.assert(
      fc.property(roundShape, method, (shape, method) => {
        const { bank, updates } = randomRound(shape, method);
        const next = aggregate(aggregator, bank, updates);
        bank.modules.forEach((_, m) => {
          const server = factorsOf(bank, m), got = factorsOf(next, m);
          const definition = definitions[name];
          const parts = partsOf(bank, updates, m);
          if ("factors" in definition) {
            const expected = definition.factors(server, parts);
            for (const factor of ["a", "b"] as const) {
              expected[factor].forEach((row, i) =>
                row.forEach((value, j) => close(got[factor][i][j], value))
              );
            }
          } else {
            const expected = definition.product(server, parts);
            const largest = norm(expected);
            product(got).forEach((row, j) =>
              row.forEach((value, k) => close(value, expected[j][k], largest))
            );
          }
        });
      }),
      { examples: methods.map((method) => [larger, method]) },
    );
  });

  Deno.test(`${name} aggregation gives the same bytes whatever the order of arrival`, () => {
    fc.assert(fc.property(roundShape, method, fc.nat(), (shape, method, order) => {
      const { bank, updates: random } = randomRound({ ...shape, clients: 5 }, method);
      const updates = random.map((update) => ({ ...update, samples: 100 }));
      // Numbers whose sum depends on its order even in double precision: 1e30 + 1 − 1e30.
      updates.forEach(({ client, a, b, head, scores }) => {
        const value = [1e30, 1, -1e30, 3, 7][client];
        for (const numbers of [...a!, ...b, ...head.map(({ data }) => data)]) numbers.fill(value);
        for (const numbers of scores!) numbers.forEach((_, i) => numbers[i] *= Math.abs(value));
      });
      const shuffled = randomStream(order).shuffle(updates);
      assert.deepEqual(
        encodeBank(aggregate(aggregator, bank, shuffled)),
        encodeBank(aggregate(aggregator, bank, updates)),
      );
    }));
  });

  Deno.test(`${name} aggregation averages the head by samples and leaves its inputs alone`, () => {
    fc.assert(fc.property(roundShape, method, (shape, method) => {
      const { bank, updates } = randomRound(shape, method);
      const before = encodeBank(bank);
      const next = aggregate(aggregator, bank, updates);
      const all = updates.reduce((sum, { samples }) => sum + samples, 0);
      next.head.forEach(({ name, shape, data }, h) => {
        assert.equal(name, bank.head[h].name);
        assert.deepEqual(shape, bank.head[h].shape);
        data.forEach((value, at) =>
          close(
            value,
            updates.reduce((sum, { samples, head }) => sum + samples / all * head[h].data[at], 0),
          )
        );
      });
      next.modules.forEach(({ a, b }) => (a.fill(9), b.fill(9)));
      next.head.forEach(({ data }) => data.fill(9));
      next.scores.forEach((scores) => scores.fill(9));
      next.trained.forEach((flags) => flags.fill(9));
      assert.deepEqual(encodeBank(bank), before);
    }));
  });

  Deno.test(`${name} aggregation of one full client is that client, and its dense delta weight`, () => {
    fc.assert(fc.property(roundShape, (shape) => {
      const { bank, updates: [update] } = randomRound(shape, "full");
      const next = aggregate(aggregator, bank, [update]);
      next.modules.forEach((module, m) => {
        const own = { ...module, a: update.a![m], b: update.b[m] };
        const delta = deltaWeight(module, scale(next)), expected = deltaWeight(own, scale(bank));
        if ("factors" in definitions[name]) {
          assert.deepEqual([module.a, module.b], [own.a, own.b]);
          assert.deepEqual(delta, expected);
        } else {
          const largest = Math.hypot(...expected);
          delta.forEach((value, at) => close(value, expected[at], largest));
        }
      });
    }));
  });

  Deno.test(`${name} aggregation remembers who was trained and merges what was scored`, () => {
    fc.assert(fc.property(roundShape, method, (shape, method) => {
      const { bank, updates } = randomRound(shape, method);
      const next = aggregate(aggregator, bank, updates);
      next.trained.forEach((flags, m) =>
        flags.forEach((flag, i) => {
          const now = updates.some(({ indices }) => indices[m].includes(i));
          assert.equal(flag, now ? 1 : bank.trained[m][i]);
        })
      );
      const reports = updates.map(({ samples, scores }) => ({ samples, scores: scores! }));
      assert.deepEqual(next.scores, mergeScores(bank.scores, reports));
    }));
  });
}

// Rank 2, in 1, out 1; the server holds a = [10, 20], b = [1, 2]. Client 0 (100 samples) trains both, client 1 (300) the first.
const created = createBank({
  modules: [{ name: "q_proj", inFeatures: 1, outFeatures: 1 }],
  rank: 2,
  alpha: 2,
  seed: 1,
  head: [{ name: "score.weight", shape: [1], data: new Float32Array([0]) }],
});
const server: AdapterBank = {
  ...created,
  modules: [{ ...created.modules[0], a: new Float32Array([10, 20]), b: new Float32Array([1, 2]) }],
};
const headOf = (value: number) => [{ ...created.head[0], data: new Float32Array([value]) }];
const updates: ClientUpdate[] = [
  {
    client: 0,
    round: 0,
    samples: 100,
    indices: [new Uint32Array([0, 1])],
    a: [new Float32Array([14, 24])],
    b: [new Float32Array([5, 6])],
    scores: [new Float64Array([1, 2])],
    head: headOf(4),
  },
  {
    client: 1,
    round: 0,
    samples: 300,
    indices: [new Uint32Array([0])],
    a: [new Float32Array([18])],
    b: [new Float32Array([9])],
    scores: [new Float64Array([5, NaN])],
    head: headOf(8),
  },
];

const byHand: readonly [string, Aggregator, number[], number[]][] = [
  ["adaptive", adaptive, [(14 + 3 * 18) / 4, 24], [(5 + 3 * 9) / 4, 6]],
  ["zero-pad", zeroPad, [17, 24 / 4], [8, 6 / 4]],
  ["zero-delta", zeroDelta, [17, 20 + 4 / 4], [8, 2 + 4 / 4]],
  // Client 0's product is 5·14 + 6·24 = 214, client 1's 9·18 = 162.
  [
    "hetlora",
    hetlora,
    [(214 * 14 + 162 * 18) / 376, 214 * 24 / 376],
    [(214 * 5 + 162 * 9) / 376, 214 * 6 / 376],
  ],
];

for (const [name, aggregator, a, b] of byHand) {
  Deno.test(`${name} aggregation gives the numbers worked out by hand`, () => {
    const next = aggregate(aggregator, server, updates);
    assert.deepEqual([...next.modules[0].a], a.map(Math.fround));
    assert.deepEqual([...next.modules[0].b], b.map(Math.fround));
    assert.deepEqual([...next.head[0].data], [7]);
    assert.deepEqual([...next.scores[0]], [4, 2]);
    assert.deepEqual([...next.trained[0]], [1, 1]);
    assert.deepEqual([next.rank, next.alpha], [2, 2]);
  });
}

for (const [name, aggregator] of [["adaptive", adaptive], ["zero-delta", zeroDelta]] as const) {
  Deno.test(`${name} aggregation keeps a component bit for bit when nobody trained it`, () => {
    fc.assert(fc.property(roundShape, (shape) => {
      const { updates } = randomRound(shape, "freeze");
      const bank = randomBank(shape);
      // −0 and a subnormal are what arithmetic would lose.
      bank.modules.forEach(({ a, b }) => (a.fill(-0), b.fill(-1e-45)));
      const next = aggregate(aggregator, bank, updates);
      bank.modules.forEach(({ inFeatures }, m) => {
        const owned = (i: number) => updates.some(({ indices }) => indices[m].includes(i));
        next.modules[m].a.forEach((value, at) => {
          if (!owned(Math.floor(at / inFeatures))) assert(Object.is(value, -0));
        });
        next.modules[m].b.forEach((value, at) => {
          if (!owned(at % bank.rank)) assert.equal(value, Math.fround(-1e-45));
        });
        next.trained[m].forEach((flag, i) => assert.equal(flag, owned(i) ? 1 : bank.trained[m][i]));
      });
    }));
  });
}

for (const { name, aggregator } of cases) {
  const rule: AggregationRule = aggregationRules[name];
  if (rule.bothFactors) continue;
  Deno.test(`${name} aggregation of B alone keeps A bit for bit, and makes of B what it makes beside an A that did not move`, () => {
    fc.assert(fc.property(roundShape, (shape) => {
      const { updates } = randomRound(shape, "full");
      const bank = randomBank(shape);
      bank.modules.forEach(({ a }) => a.set([-0]));
      const next = aggregate(aggregator, bank, updates.map(({ a: _, ...update }) => update));
      const unmoved = bank.modules.map(({ a }) => a);
      const whole = aggregate(aggregator, bank, updates.map((one) => ({ ...one, a: unmoved })));
      next.modules.forEach(({ a }, m) => {
        assert.deepEqual(a, bank.modules[m].a);
        assert.notEqual(a, bank.modules[m].a, "no memory is shared");
      });
      const withoutA = (one: AdapterBank) => ({
        ...one,
        modules: one.modules.map(({ a: _, ...module }) => module),
      });
      assert.deepEqual(withoutA(next), withoutA(whole));
    }));
  });
}

Deno.test("fedit() throws RangeError when a client did not train every component", () => {
  assert.throws(() => aggregate(fedit, server, updates), {
    name: "RangeError",
    message: "Cannot aggregate by fedit: expected all 2 components of client 1, got 1",
  });
});

Deno.test("every aggregator throws RangeError when there is no update or two of one client", () => {
  for (const { aggregator } of cases) {
    assert.throws(() => aggregate(aggregator, server, []), RangeError);
    assert.throws(() => aggregate(aggregator, server, [updates[0], updates[0]]), RangeError);
  }
});

Deno.test("an aggregation takes updates one at a time, in client order only", () => {
  for (const { name, aggregator } of cases) {
    if (name === "fedit") continue; // client 1 did not train everything
    const aggregation = aggregator(server);
    for (const update of updates) aggregation.add(update);
    assert.throws(() => aggregation.add(updates[0]), {
      name: "RangeError",
      message: "Cannot aggregate: expected updates in client order, got 0 after 1",
    });
    assert.deepEqual(
      encodeBank(aggregation.finish()),
      encodeBank(aggregate(aggregator, server, updates)),
    );
  }
});
