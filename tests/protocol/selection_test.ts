import assert from "node:assert/strict";
import fc from "fast-check";
import { randomStream } from "../../src/protocol/random.ts";
import {
  first,
  greedy,
  random,
  sampled,
  selectGlobal,
  type Selector,
  selectorNames,
  selectorOf,
  selectPerModule,
} from "../../src/protocol/selection.ts";

const selectors: readonly [string, Selector][] = [
  ["greedy", greedy],
  ["random", random],
  ["sampled", sampled(0.7)],
  ["first", first],
];

/** How often each of `scores` is chosen over `draws` streams. */
function frequencies(selector: Selector, scores: number[], count: number, draws: number): number[] {
  const hits = scores.map(() => 0);
  for (let draw = 0; draw < draws; draw++) {
    for (const i of selector(Float64Array.from(scores), count, randomStream(5, draw))) hits[i]++;
  }
  return hits.map((hit) => hit / draws);
}

for (const [name, selector] of selectors) {
  Deno.test(`${name}() returns ascending distinct indices and repeats when the stream does`, () => {
    const lists = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })));
    fc.assert(fc.property(lists, fc.nat(), fc.nat(), (list, seed, budget) => {
      const scores = Float64Array.from(list);
      const count = budget % (scores.length + 1);
      const chosen = selector(scores, count, randomStream(seed));
      assert.equal(chosen.length, count);
      assert(chosen.every((i, n) => i < scores.length && (n === 0 || i > chosen[n - 1])));
      assert.deepEqual(selector(scores, count, randomStream(seed)), chosen);
    }));
  });

  Deno.test(`${name}() throws RangeError when more is asked for than there is`, () => {
    const scores = new Float64Array(3);
    for (const count of [4, -1, 1.5]) {
      assert.throws(() => selector(scores, count, randomStream(1)), RangeError);
    }
  });
}

Deno.test("greedy() takes the highest scores", () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, noNaN: true })), fc.nat(), (list, budget) => {
    const count = budget % (list.length + 1);
    const chosen = greedy(Float64Array.from(list), count, randomStream(1));
    const expected = list.toSorted((x, y) => y - x).slice(0, count);
    assert.deepEqual([...chosen].map((i) => list[i]).sort((x, y) => y - x), expected);
  }));
});

Deno.test("greedy() breaks ties evenly at random when scores are equal", () => {
  const shares = frequencies(greedy, [0.5, 0, 0.9, 0.5, 0.5], 2, 3000);
  assert.equal(shares[2], 1);
  assert.equal(shares[1], 0);
  // A third each; 3,000 draws have a standard error of 0.0086.
  for (const i of [0, 3, 4]) assert(Math.abs(shares[i] - 1 / 3) < 0.045, `${shares}`);
});

Deno.test("random() chooses evenly when scores differ", () => {
  const shares = frequencies(random, [0, 1, 100, 1e9], 2, 3000);
  for (const share of shares) assert(Math.abs(share - 1 / 2) < 0.05, `${shares}`);
});

Deno.test("sampled() draws one in proportion to its score when the temperature is 1", () => {
  const shares = frequencies(sampled(1), [1, 2, 0, 5], 1, 4000);
  assert.equal(shares[2], 0);
  [1 / 8, 2 / 8, 0, 5 / 8].forEach((expected, i) =>
    assert(Math.abs(shares[i] - expected) < 0.04, `${shares}`)
  );
});

Deno.test("sampled() takes zeros at random when nothing else is left", () => {
  const shares = frequencies(sampled(1), [0, 3, 0], 2, 2000);
  assert.equal(shares[1], 1);
  assert(Math.abs(shares[0] - 1 / 2) < 0.06, `${shares}`);
});

Deno.test("sampled() is greedy at temperature 0 and random at Infinity", () => {
  assert.equal(sampled(0), greedy);
  assert.equal(sampled(Infinity), random);
  assert.throws(() => sampled(-1), RangeError);
  assert.throws(() => sampled(NaN), RangeError);
});

Deno.test("first() takes the lowest indices whatever the scores", () => {
  const scores = new Float64Array([0, 5, 9, 1]);
  assert.deepEqual([...selectorOf("first", 1)(scores, 3, randomStream(1))], [0, 1, 2]);
  assert.deepEqual([...first(scores, 0)], []);
});

Deno.test("selectorOf() gives every name a selector of its own", () => {
  const found = selectorNames.map((name) => selectorOf(name, 0.5));
  assert.equal(new Set(found).size, selectorNames.length);
});

Deno.test("selectPerModule() keeps the budget in every module", () => {
  const scores = [new Float64Array([9, 8, 7]), new Float64Array([1, 2, 3])];
  const chosen = selectPerModule(scores, 2, greedy, randomStream(1));
  assert.deepEqual(chosen.map((list) => [...list]), [[0, 1], [1, 2]]);
});

Deno.test("selectGlobal() spends the same total on the best modules", () => {
  const scores = [new Float64Array([9, 8, 7]), new Float64Array([1, 2, 3])];
  const chosen = selectGlobal(scores, 2, greedy, randomStream(1));
  assert.deepEqual(chosen.map((list) => [...list]), [[0, 1, 2], [2]]);
  const all = selectGlobal(
    [new Float64Array([5, 5]), new Float64Array([1, 2])],
    1,
    greedy,
    randomStream(1),
  );
  assert.deepEqual(all.map((list) => [...list]), [[0, 1], []]);
});
