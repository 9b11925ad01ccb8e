import assert from "node:assert/strict";
import fc from "fast-check";
import { loadAggregator } from "../../../src/protocol/aggregate/load_aggregator.ts";
import { aggregate } from "../../../src/protocol/aggregate/mod.ts";
import { type AdapterBank, createBank } from "../../../src/protocol/bank.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { dealOf } from "../../../src/protocol/deal.ts";
import {
  applyDownload,
  decodeDownload,
  encodeDownload,
} from "../../../src/protocol/messages/mod.ts";
import { extractUpdate } from "../../../src/protocol/update.ts";
import { bestRank } from "../../reference/best_rank.ts";
import { randomBank, randomRound, roundShape } from "../support.ts";
import { definitions, factorsOf, norm, partsOf, product } from "./definitions.ts";

const flexlora = await loadAggregator("flexlora");

/** The update of a client that holds the first `rank` components of a bank and leaves them alone. */
function idle(bank: AdapterBank, client: number, rank: number, samples: number) {
  const first = bank.modules.map(() => Uint32Array.from({ length: rank }, (_, i) => i));
  const deal = dealOf(bank.rank, client, 0, "truncate", first);
  const { bytes } = encodeDownload(bank, deal, { run: "r" });
  return extractUpdate(bank, deal, {
    ...applyDownload(bank, decodeDownload(bytes, bank)),
    samples,
  });
}

Deno.test("flexlora aggregation gives the numbers worked out by hand", () => {
  // Rank 2, 2 in, 2 out. The mean product is diag(1/4 · 8, 3/4 · 12) = diag(2, 9).
  const created = createBank({
    modules: [{ name: "q_proj", inFeatures: 2, outFeatures: 2 }],
    rank: 2,
    alpha: 8,
    seed: 1,
    head: [],
  });
  const updateOf = (client: number, samples: number, a: number[], b: number[]) => ({
    client,
    round: 0,
    samples,
    indices: [Uint32Array.of(0)],
    a: [Float32Array.from(a)],
    b: [Float32Array.from(b)],
    head: [],
  });
  const updates = [updateOf(0, 100, [4, 0], [2, 0]), updateOf(1, 300, [0, -4], [0, -3])];
  const [{ a, b }] = aggregate(flexlora, created, updates).modules;
  const expected = [[0, 3, Math.SQRT2, 0], [0, Math.SQRT2, 3, 0]].map((list) =>
    list.map(Math.fround)
  );
  assert.deepEqual([[...a], [...b]], expected);
});

Deno.test("flexlora's first components are the best approximation of every lower rank, of equal shares in A and B", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const { bank, updates } = randomRound(shape, "full");
    const next = aggregate(flexlora, bank, updates);
    bank.modules.forEach((_, m) => {
      const definition = definitions.flexlora;
      assert("product" in definition);
      const whole = definition.product(factorsOf(bank, m), partsOf(bank, updates, m));
      const { a, b } = factorsOf(next, m);
      for (let rank = 1; rank <= bank.rank; rank++) {
        const expected = bestRank(whole, rank).matrix;
        product({ a: a.slice(0, rank), b: b.slice(0, rank) }).forEach((row, j) =>
          row.forEach((value, k) =>
            assert(Math.abs(value - expected[j][k]) <= 1e-5 * norm(whole), `rank ${rank}`)
          )
        );
      }
      b.forEach((column, i) => {
        const length = Math.hypot(...column);
        if (length > 0) assert(Math.abs(Math.hypot(...a[i]) / length - 1) < 1e-5);
      });
    });
  }));
});

Deno.test("flexlora aggregation leaves an untrained adapter as it was, A to the bit", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const bank = randomBank(shape);
    const fresh = {
      ...bank,
      modules: bank.modules.map((module) => ({ ...module, b: module.b.map(() => 0) })),
    };
    const updates = Array.from(
      { length: shape.clients },
      (_, k) => idle(fresh, k, bank.rank, k + 1),
    );
    const next = aggregate(flexlora, fresh, updates);
    assert.deepEqual(next.modules, fresh.modules);
  }));
});

Deno.test("flexlora aggregation keeps what its rank cannot fill trainable: b is 0 and a the server's", () => {
  const bank = createBank({
    modules: [{ name: "q_proj", inFeatures: 5, outFeatures: 4 }],
    rank: 3,
    alpha: 6,
    seed: 1,
    head: [],
  });
  const [module] = bank.modules;
  module.b.forEach((_, at) => module.b[at] = at % 3 === 0 ? at + 1 : 0); // b_0 alone
  const [next] = aggregate(flexlora, bank, [idle(bank, 0, 1, 5), idle(bank, 1, 3, 9)]).modules;
  next.b.forEach((value, at) => assert.equal(value !== 0, at % 3 === 0));
  assert.deepEqual(next.a.subarray(5), module.a.subarray(5));
  assert.notDeepEqual(next.a.subarray(0, 5), module.a.subarray(0, 5));
});

Deno.test("flexlora aggregation of its own result changes no component's product: signs and order stay", () => {
  fc.assert(
    fc.property(roundShape, (shape) => {
      const { bank, updates } = randomRound(shape, "full");
      const once = aggregate(flexlora, bank, updates);
      const twice = aggregate(flexlora, once, [0, 1].map((k) => idle(once, k, bank.rank, k + 1)));
      twice.modules.forEach(({ a, b }, m) => {
        const largest = Math.max(...once.modules[m].b.map(Math.abs));
        b.forEach((value, at) => assert(Math.abs(value - once.modules[m].b[at]) <= 1e-4 * largest));
        const across = Math.max(...once.modules[m].a.map(Math.abs));
        a.forEach((value, at) => assert(Math.abs(value - once.modules[m].a[at]) <= 1e-4 * across));
      });
    }),
    { seed: 3, numRuns: 40 },
  );
});

Deno.test("flexlora aggregation refuses updates of B alone", () => {
  const { bank, updates: [{ a: _, ...update }] } = randomRound(
    { seed: 1, rank: 2, modules: [[2, 3]], clients: 1 },
    "full",
  );
  assert.throws(() => aggregate(flexlora, bank, [update]), {
    name: "RangeError",
    message: "Cannot aggregate by flexlora: expected A and B, got B alone",
  });
});

Deno.test("flexlora aggregation leaves a module alone that nobody trained", () => {
  const { bank, updates } = randomRound(
    { seed: 1, rank: 2, modules: [[2, 3]], clients: 2 },
    "head",
  );
  const next = aggregate(flexlora, bank, updates);
  assert.deepEqual(
    encodeBank({ ...next, head: bank.head }),
    encodeBank({ ...bank, scores: next.scores }),
  );
});
