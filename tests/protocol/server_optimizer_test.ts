/** The server's optimizer against FedOpt's formulas in float64, over several rounds of random banks and updates. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { adaptive, aggregate, zeroPad } from "../../src/protocol/aggregate/mod.ts";
import type { AdapterBank } from "../../src/protocol/bank.ts";
import { encodeBank } from "../../src/protocol/bank_codec.ts";
import { encodeDownload } from "../../src/protocol/messages/mod.ts";
import { randomStream } from "../../src/protocol/random.ts";
import {
  checkServerOptimizer,
  type ServerOptimizer,
  serverOptimizerOf,
  serverOptimizerSettings,
  withServerOptimizer,
} from "../../src/protocol/server_optimizer.ts";
import { decodeMoments, encodeMoments } from "../../src/protocol/moments_codec.ts";
import { SafetensorsError } from "../../src/protocol/safetensors.ts";
import { randomBank, randomDeal, randomUpdate, type RoundShape, roundShape } from "./support.ts";

const adam: ServerOptimizer = {
  kind: "adam",
  learningRate: 0.05,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-3,
};
const momentum: ServerOptimizer = { ...adam, kind: "momentum", learningRate: 0.5 };

/** Updates of a round after `bank`, some clients of which may have trained nothing of a module. */
function updatesOf(bank: AdapterBank, { seed, clients }: RoundShape, round: number) {
  const stream = randomStream(seed, "round", round);
  return Array.from({ length: clients }, (_, client) => {
    const deal = randomDeal(bank, client, "freeze", stream, seed % 3 === 0 ? "b" : "both");
    return randomUpdate(bank, deal, stream);
  });
}

/** Every number of a bank in one order, with a name for its component. */
function numbersOf({ modules, head, rank }: AdapterBank) {
  return [
    ...modules.flatMap(({ a, b, inFeatures }, m) => [
      ...Array.from(a, (x, at) => ({ x, part: `A ${m} ${Math.floor(at / inFeatures)}` })),
      ...Array.from(b, (x, at) => ({ x, part: `B ${m} ${at % rank}` })),
    ]),
    ...head.flatMap(({ data }) => Array.from(data, (x) => ({ x, part: "head" }))),
  ];
}

for (const optimizer of [momentum, adam]) {
  Deno.test(`withServerOptimizer() takes the steps of FedOpt's ${optimizer.kind}, component by component`, () => {
    const { kind, learningRate, beta1, beta2, epsilon } = optimizer;
    fc.assert(
      fc.property(roundShape, (shape) => {
        const aggregator = withServerOptimizer(adaptive, optimizer);
        let bank = randomBank(shape);
        const m = new Float64Array(numbersOf(bank).length);
        const v = new Float64Array(m.length).fill(epsilon ** 2);
        for (let round = 0; round < 4; round++) {
          const updates = updatesOf(bank, shape, round);
          const combined = numbersOf(aggregate(adaptive, bank, updates));
          const trained = new Set([
            "head",
            ...updates.flatMap(({ indices, a }) =>
              indices.flatMap((list, m) =>
                [...list].flatMap((i) => [`B ${m} ${i}`, ...(a ? [`A ${m} ${i}`] : [])])
              )
            ),
          ]);
          const next = aggregate(aggregator, bank, updates);
          numbersOf(next).forEach(({ x, part }, at) => {
            const before = numbersOf(bank)[at].x;
            if (!trained.has(part)) {
              assert.ok(Object.is(x, before), `${part} moved`);
              return;
            }
            const change = combined[at].x - before;
            m[at] = beta1 * m[at] + (kind === "adam" ? 1 - beta1 : 1) * change;
            v[at] = beta2 * v[at] + (1 - beta2) * change ** 2;
            const step = kind === "adam" ? m[at] / (Math.sqrt(v[at]) + epsilon) : m[at];
            const expected = before + learningRate * step;
            assert.ok(Math.abs(x - expected) <= 1e-6 * (1 + Math.abs(expected)), part);
          });
          bank = next;
        }
      }),
      { numRuns: 30 },
    );
  });
}

Deno.test("withServerOptimizer() leaves what nobody trained, and its moments, whatever the rule makes of it", () => {
  const shape = { seed: 5, rank: 4, modules: [[3, 2]] as const, clients: 1 };
  const aggregator = withServerOptimizer(zeroPad, momentum);
  const start = randomBank(shape);
  const stream = randomStream(1, "one component");
  const deal = (components: number[]) => {
    const all = randomDeal(start, 0, "full", stream);
    return { ...all, indices: [Uint32Array.from(components)] };
  };
  const first = aggregate(aggregator, start, [randomUpdate(start, deal([1, 2]), stream)]);
  const second = aggregate(aggregator, first, [randomUpdate(first, deal([2]), stream)]);
  const rowOfA = (bank: AdapterBank, i: number) => [...bank.modules[0].a.slice(3 * i, 3 * i + 3)];
  const momentOfA = (bank: AdapterBank, i: number) => [
    ...bank.moments!.first.modules[0].a.slice(3 * i, 3 * i + 3),
  ];
  assert.deepEqual(rowOfA(second, 0), rowOfA(start, 0), "zero-padding alone would make it zero");
  assert.deepEqual(momentOfA(second, 0), [0, 0, 0]);
  assert.deepEqual(rowOfA(second, 1), rowOfA(first, 1));
  assert.deepEqual(momentOfA(second, 1), momentOfA(first, 1));
  assert.notDeepEqual(momentOfA(second, 2), momentOfA(first, 2));
  assert.ok(momentOfA(first, 1).every((value) => value !== 0));
});

Deno.test("withServerOptimizer() without one is the aggregator itself", () => {
  assert.equal(withServerOptimizer(adaptive, undefined), adaptive);
});

Deno.test("withServerOptimizer() by momentum without decay at rate 1 is the rule", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const bank = randomBank(shape);
    const updates = updatesOf(bank, shape, 0);
    const plain = { ...momentum, learningRate: 1, beta1: 0 };
    const stepped = numbersOf(aggregate(withServerOptimizer(adaptive, plain), bank, updates));
    numbersOf(aggregate(adaptive, bank, updates)).forEach(({ x }, at) => {
      assert.ok(Math.abs(stepped[at].x - x) <= 2 ** -22 * (1 + Math.abs(x)));
    });
  }));
});

Deno.test("encodeMoments() and decodeMoments() keep every bit, and none is in a bank or a download", () => {
  fc.assert(
    fc.property(roundShape, fc.constantFrom(momentum, adam), (shape, optimizer) => {
      const start = randomBank(shape);
      const updates = updatesOf(start, shape, 0);
      const bank = aggregate(withServerOptimizer(adaptive, optimizer), start, updates);
      const moments = bank.moments!;
      assert.deepEqual(decodeMoments(encodeMoments(moments, bank), bank), moments);
      assert.equal(moments.second === undefined, optimizer.kind === "momentum");
      const { moments: _, ...bare } = bank;
      assert.deepEqual(encodeBank(bank), encodeBank(bare));
      const deal = randomDeal(bank, 0, "full", randomStream(1, "deal"));
      const address = { run: "r" };
      assert.deepEqual(encodeDownload(bank, deal, address), encodeDownload(bare, deal, address));
    }),
    { numRuns: 30 },
  );
});

Deno.test("decodeMoments() refuses those of another layout, and another file", () => {
  const shape = { seed: 2, rank: 2, modules: [[3, 2]] as const, clients: 2 };
  const start = randomBank(shape);
  const aggregator = withServerOptimizer(adaptive, adam);
  const bank = aggregate(aggregator, start, updatesOf(start, shape, 0));
  const bytes = encodeMoments(bank.moments!, bank);
  const wider = { ...bank, modules: [{ ...bank.modules[0], inFeatures: 4 }] };
  assert.throws(() => decodeMoments(bytes, wider), SafetensorsError);
  assert.throws(() => decodeMoments(encodeBank(bank), bank), /expected format "hafl-moments-1"/);
});

Deno.test("serverOptimizerOf() and serverOptimizerSettings() are each other's way back", () => {
  for (const optimizer of [momentum, adam]) {
    assert.deepEqual(serverOptimizerOf(serverOptimizerSettings(optimizer)), optimizer);
  }
  const none = { ...serverOptimizerSettings(adam), serverOptimizer: "none" } as const;
  assert.equal(serverOptimizerOf(none), undefined);
});

Deno.test("checkServerOptimizer() refuses a rule after which components are others", () => {
  checkServerOptimizer("none", "flexlora");
  checkServerOptimizer("adam", "hetlora");
  assert.throws(
    () => checkServerOptimizer("momentum", "flexlora"),
    /^UserError: Cannot use server optimizer momentum with aggregation flexlora: expected none/,
  );
});
