import assert from "node:assert/strict";
import fc from "fast-check";
import { aggregate, flora } from "../../../src/protocol/aggregate/mod.ts";
import { type AdapterBank, createBank, scale } from "../../../src/protocol/bank.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { deltaWeight } from "../../../src/protocol/components.ts";
import { encodeMerged } from "../../../src/protocol/merged_codec.ts";
import { distributions } from "../../../src/protocol/method.ts";
import { randomStream } from "../../../src/protocol/random.ts";
import { mergeScores } from "../../../src/protocol/scores.ts";
import { normals, randomRound, type RoundShape, roundShape } from "../support.ts";
import { meanProduct, norm, partsOf } from "./definitions.ts";

/** Components of all clients together: more than a module's inputs and outputs, and fewer. */
const examples: [RoundShape, "truncate"][] = [
  [{ seed: 1, rank: 8, modules: [[64, 48], [33, 70]], clients: 4 }, "truncate"],
  [{ seed: 2, rank: 8, modules: [[3, 5]], clients: 5 }, "truncate"],
];

/** What a round merged before, as large as what it merges. */
function withMerged(bank: AdapterBank, seed: number): AdapterBank {
  const stream = randomStream(seed, "merged before");
  const changes = bank.modules.map(({ inFeatures, outFeatures }) =>
    normals(inFeatures * outFeatures, stream)
  );
  return { ...bank, merged: { changes } };
}

const anyRound = [roundShape, fc.constantFrom(...distributions)] as const;

Deno.test("flora merges the mean of the clients' products, and adds it to what was merged before", () => {
  fc.assert(
    fc.property(...anyRound, (shape, method) => {
      const { bank, updates } = randomRound(shape, method);
      const s = scale(bank);
      const first = aggregate(flora, bank, updates).merged!;
      const before = withMerged(bank, shape.seed);
      const second = aggregate(flora, before, updates).merged!;
      bank.modules.forEach(({ inFeatures }, m) => {
        const expected = meanProduct(partsOf(bank, updates, m));
        const largest = Math.max(1, s * norm(expected));
        first.changes[m].forEach((value, at) => {
          const dense = s * expected[Math.floor(at / inFeatures)][at % inFeatures];
          const added = second.changes[m][at] - before.merged!.changes[m][at];
          assert(Math.abs(value - dense) <= 1e-5 * largest, `${value} ${dense}`);
          assert(Math.abs(added - dense) <= 1e-5 * largest, `${added} ${dense}`);
        });
      });
    }),
    { examples },
  );
});

Deno.test("flora's stack is what was merged, of as many components as were sent", () => {
  fc.assert(fc.property(...anyRound, (shape, method) => {
    const { bank, updates } = randomRound(shape, method);
    const { changes, stack } = aggregate(flora, bank, updates).merged!;
    bank.modules.forEach((module, m) => {
      const { a, b } = stack![m];
      const sent = updates.reduce((sum, { indices }) => sum + indices[m].length, 0);
      assert.equal(a.length, sent * module.inFeatures);
      assert.equal(b.length, sent * module.outFeatures);
      const delta = deltaWeight({ ...module, a, b }, scale(bank));
      assert.deepEqual(changes[m], Float32Array.from(delta));
    });
  }));
});

Deno.test("flora gives the same bytes whatever the order of arrival", () => {
  fc.assert(fc.property(...anyRound, fc.nat(), (shape, method, order) => {
    const { bank, updates } = randomRound({ ...shape, clients: 5 }, method);
    // Products whose sum depends on its order even in double precision.
    updates.forEach(({ a, b }, k) => {
      for (const numbers of [...a!, ...b]) numbers.fill([1e15, 1, 1e15, 3, 7][k]);
      if (k === 2) b.forEach((numbers) => numbers.fill(-1e15));
    });
    const one = aggregate(flora, bank, updates);
    const other = aggregate(flora, bank, randomStream(order).shuffle(updates));
    assert.deepEqual(encodeBank(other), encodeBank(one));
    assert.deepEqual(encodeMerged(other.merged!, bank), encodeMerged(one.merged!, bank));
  }));
});

Deno.test("flora leaves the components alone, averages the head, and remembers who was trained", () => {
  fc.assert(fc.property(...anyRound, (shape, method) => {
    const { bank: random, updates } = randomRound(shape, method);
    const bank = withMerged(random, shape.seed);
    const before = [encodeBank(bank), encodeMerged(bank.merged!, bank)];
    const next = aggregate(flora, bank, updates);
    const all = updates.reduce((sum, { samples }) => sum + samples, 0);
    next.head.forEach(({ data }, h) =>
      data.forEach((value, at) => {
        const mean = updates.reduce(
          (sum, { samples, head }) => sum + samples / all * head[h].data[at],
          0,
        );
        assert(Math.abs(value - mean) < 1e-5);
      })
    );
    const reports = updates.map(({ samples, scores }) => ({ samples, scores: scores! }));
    assert.deepEqual(next.scores, mergeScores(bank.scores, reports));
    next.trained.forEach((flags, m) =>
      flags.forEach((flag, i) => {
        const now = updates.some(({ indices }) => indices[m].includes(i));
        assert.equal(flag, now ? 1 : bank.trained[m][i]);
      })
    );
    next.modules.forEach(({ a, b }, m) => {
      assert.deepEqual([a, b], [bank.modules[m].a, bank.modules[m].b]);
      a.fill(9);
      b.fill(9);
    });
    next.merged!.changes.forEach((change) => change.fill(9));
    next.merged!.stack!.forEach(({ a, b }) => (a.fill(9), b.fill(9)));
    assert.deepEqual([encodeBank(bank), encodeMerged(bank.merged!, bank)], before);
  }));
});

// In 2, out 1, s = 2. Client 0 (100 samples) sends a = [1, 2], b = [3]; client 1 (300) a = [[4, 0], [0, 8]], b = [1, −1].
const bank = createBank({
  modules: [{ name: "q_proj", inFeatures: 2, outFeatures: 1 }],
  rank: 2,
  alpha: 4,
  seed: 1,
  head: [],
});
const updateOf = (client: number, samples: number, a: number[], b: number[]) => ({
  client,
  round: 0,
  samples,
  indices: [Uint32Array.from(b.keys())],
  a: [Float32Array.from(a)],
  b: [Float32Array.from(b)],
  head: [],
});
const updates = [updateOf(1, 300, [4, 0, 0, 8], [1, -1]), updateOf(0, 100, [1, 2], [3])];

Deno.test("flora gives the numbers worked out by hand", () => {
  const { merged } = aggregate(flora, bank, updates);
  assert.deepEqual(merged, {
    changes: [Float32Array.of(2 * (0.25 * 3 + 3), 2 * (0.25 * 6 - 6))],
    stack: [{ a: Float32Array.of(0.25, 0.5, 3, 0, 0, 6), b: Float32Array.of(3, 1, -1) }],
  });
});

Deno.test("flora refuses updates of B alone, two of one client, and none", () => {
  const { a: _, ...withoutA } = updates[0];
  assert.throws(() => aggregate(flora, bank, [withoutA]), {
    name: "RangeError",
    message: "Cannot aggregate by flora: expected A and B, got B alone",
  });
  assert.throws(() => aggregate(flora, bank, [updates[0], updates[0]]), RangeError);
  assert.throws(() => aggregate(flora, bank, []), RangeError);
});
