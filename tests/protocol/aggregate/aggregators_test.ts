import assert from "node:assert/strict";
import fc from "fast-check";
import {
  adaptive,
  aggregate,
  type Aggregator,
  aggregators,
  fedit,
  zeroDelta,
  zeroPad,
} from "../../../src/protocol/aggregate/mod.ts";
import { type AdapterBank, createBank, scale } from "../../../src/protocol/bank.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { deltaWeight } from "../../../src/protocol/components.ts";
import { randomStream } from "../../../src/protocol/random.ts";
import type { ClientUpdate } from "../../../src/protocol/update.ts";
import { randomBank, randomRound, roundShape } from "../support.ts";

/** A dense matrix in double precision, [rows][columns]. */
type Dense = number[][];

const zeros = (rows: number, columns: number): Dense =>
  Array.from({ length: rows }, () => new Array<number>(columns).fill(0));

/** The factors of module m as the definitions write them: A_k [r, in] and B_kᵀ [r, out], padded with zeros, and the owner mask [r]. */
function padded(bank: AdapterBank, update: ClientUpdate, m: number) {
  const { inFeatures, outFeatures } = bank.modules[m];
  const factors = { a: zeros(bank.rank, inFeatures), b: zeros(bank.rank, outFeatures) };
  const owned = new Array<number>(bank.rank).fill(0);
  const count = update.indices[m].length;
  update.indices[m].forEach((i, n) => {
    owned[i] = 1;
    factors.a[i] = factors.a[i].map((_, j) => update.a![m][n * inFeatures + j]);
    factors.b[i] = factors.b[i].map((_, j) => update.b[m][j * count + n]);
  });
  return { ...factors, owned, samples: update.samples };
}

/** One definition: the next row i of A or Bᵀ from the server's row and each client's (row, owned, samples). */
type RowDefinition = (
  server: number[],
  clients: readonly { row: number[]; owned: number; samples: number }[],
) => number[];

const weightedRows = (rows: readonly (readonly [number, number[]])[], width: number): number[] =>
  Array.from(
    { length: width },
    (_, j) => rows.reduce((sum, [weight, row]) => sum + weight * row[j], 0),
  );

const definitions: Record<string, RowDefinition> = {
  "adaptive": (server, clients) => {
    const owners = clients.filter(({ owned }) => owned === 1);
    const all = owners.reduce((sum, { samples }) => sum + samples, 0);
    if (owners.length === 0) return server;
    return weightedRows(owners.map(({ row, samples }) => [samples / all, row]), server.length);
  },
  "zero-pad": (server, clients) => {
    const all = clients.reduce((sum, { samples }) => sum + samples, 0);
    return weightedRows(clients.map(({ row, samples }) => [samples / all, row]), server.length);
  },
  "zero-delta": (server, clients) => {
    const all = clients.reduce((sum, { samples }) => sum + samples, 0);
    const changes = clients.map(({ row, owned, samples }) =>
      [samples / all, row.map((value, j) => owned * (value - server[j]))] as const
    );
    return weightedRows([[1, server], ...changes], server.length);
  },
};
definitions["fedit"] = definitions["zero-pad"];

function close(actual: number, expected: number): void {
  assert(
    Math.abs(actual - expected) <= 1e-5 * Math.max(1, Math.abs(expected)),
    `${actual} ${expected}`,
  );
}

const cases: readonly [
  name: string,
  aggregator: Aggregator,
  method: "freeze" | "truncate" | "full",
][] = [
  ["adaptive", adaptive, "freeze"],
  ["zero-pad", zeroPad, "truncate"],
  ["zero-delta", zeroDelta, "freeze"],
  ["fedit", fedit, "full"],
];

for (const [name, aggregator, method] of cases) {
  Deno.test(`${name} aggregation equals its dense definition`, () => {
    fc.assert(fc.property(roundShape, (shape) => {
      const { bank, updates } = randomRound(shape, method);
      const next = aggregate(aggregator, bank, updates);
      bank.modules.forEach(({ inFeatures, outFeatures, a, b }, m) => {
        const clients = updates.map((update) => padded(bank, update, m));
        const got = next.modules[m];
        for (let i = 0; i < bank.rank; i++) {
          const rowsOf = (factor: "a" | "b") =>
            clients.map((client) => ({
              row: client[factor][i],
              owned: client.owned[i],
              samples: client.samples,
            }));
          const rowA = [...a.subarray(i * inFeatures, (i + 1) * inFeatures)];
          definitions[name](rowA, rowsOf("a")).forEach((value, j) =>
            close(got.a[i * inFeatures + j], value)
          );
          const columnB = Array.from({ length: outFeatures }, (_, j) => b[j * bank.rank + i]);
          definitions[name](columnB, rowsOf("b")).forEach((value, j) =>
            close(got.b[j * bank.rank + i], value)
          );
        }
      });
    }));
  });

  Deno.test(`${name} aggregation gives the same bytes whatever the order of arrival`, () => {
    fc.assert(fc.property(roundShape, fc.nat(), (shape, order) => {
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
    fc.assert(fc.property(roundShape, (shape) => {
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
        assert.deepEqual([...module.a], [...update.a![m]]);
        assert.deepEqual([...module.b], [...update.b[m]]);
        const own = { ...module, a: update.a![m], b: update.b[m] };
        assert.deepEqual(deltaWeight(module, scale(next)), deltaWeight(own, scale(bank)));
      });
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
];

for (const [name, aggregator, a, b] of byHand) {
  Deno.test(`${name} aggregation gives the numbers worked out by hand`, () => {
    const next = aggregate(aggregator, server, updates);
    assert.deepEqual([...next.modules[0].a], a);
    assert.deepEqual([...next.modules[0].b], b);
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

const componentwise = { adaptive, "zero-pad": zeroPad, "zero-delta": zeroDelta, fedit };
for (const [name, aggregator] of Object.entries(componentwise)) {
  Deno.test(`${name} aggregation of B alone keeps A bit for bit, and makes of B what it makes with A`, () => {
    fc.assert(fc.property(roundShape, (shape) => {
      const { updates } = randomRound(shape, "full");
      const bank = randomBank(shape);
      bank.modules.forEach(({ a }) => a.set([-0]));
      const next = aggregate(aggregator, bank, updates.map(({ a: _, ...update }) => update));
      const whole = aggregate(aggregator, bank, updates);
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
  for (const aggregator of Object.values(aggregators)) {
    assert.throws(() => aggregate(aggregator, server, []), RangeError);
    assert.throws(() => aggregate(aggregator, server, [updates[0], updates[0]]), RangeError);
  }
});

Deno.test("an aggregation takes updates one at a time, in client order only", () => {
  for (const aggregator of [adaptive, zeroPad, zeroDelta]) {
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
