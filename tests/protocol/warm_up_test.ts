import assert from "node:assert/strict";
import fc from "fast-check";
import { warmUpDeal } from "../../src/protocol/warm_up.ts";

const situationsUpTo = (largest: number) =>
  fc.integer({ min: 1, max: largest }).chain((rank) =>
    fc.record({
      rank: fc.constant(rank),
      budgets: fc.array(fc.integer({ min: 1, max: rank }), { minLength: 1, maxLength: 6 }),
      modules: fc.integer({ min: 1, max: 3 }),
      seed: fc.nat(),
      start: fc.nat({ max: 50 }),
    })
  );

Deno.test("warmUpDeal() covers all components in ceil(r / R) rounds when nobody is over budget", () => {
  fc.assert(fc.property(situationsUpTo(300), ({ rank, budgets, modules, seed, start }) => {
    const trained = Array.from({ length: modules }, () => new Uint8Array(rank));
    const total = budgets.reduce((sum, budget) => sum + budget, 0);
    for (let n = 0; n < Math.ceil(rank / total); n++) {
      const deals = warmUpDeal({ trained, budgets, round: start + n, seed });
      deals.forEach((lists, participant) =>
        lists.forEach((list, m) => {
          assert.equal(new Set(list).size, budgets[participant]);
          assert(list.every((i, n) => i < rank && (n === 0 || i > list[n - 1])));
          for (const i of list) trained[m][i] = 1;
        })
      );
    }
    assert(trained.every((flags) => flags.every((flag) => flag === 1)));
  }));
});

Deno.test("warmUpDeal() deals a round evenly when everything was trained", () => {
  fc.assert(fc.property(situationsUpTo(300), ({ rank, budgets, seed, start }) => {
    const trained = [new Uint8Array(rank).fill(1)];
    const owners = new Array<number>(rank).fill(0);
    for (const [list] of warmUpDeal({ trained, budgets, round: start, seed })) {
      for (const i of list) owners[i]++;
    }
    assert(Math.max(...owners) - Math.min(...owners) <= 1);
  }));
});

Deno.test("warmUpDeal() deals every component R times in r rounds when everything was trained", () => {
  fc.assert(fc.property(situationsUpTo(12), ({ rank, budgets, seed, start }) => {
    const trained = [new Uint8Array(rank).fill(1)];
    const dealt = new Array<number>(rank).fill(0);
    for (let n = 0; n < rank; n++) {
      for (const [list] of warmUpDeal({ trained, budgets, round: start + n, seed })) {
        for (const i of list) dealt[i]++;
      }
    }
    const total = budgets.reduce((sum, budget) => sum + budget, 0);
    assert.deepEqual(dealt, new Array(rank).fill(total));
  }));
});

Deno.test("warmUpDeal() deals untrained components first when updates were lost", () => {
  const trained = [Uint8Array.of(1, 0, 1, 1, 0, 1, 1, 1)];
  for (let round = 0; round < 8; round++) {
    const [[list]] = warmUpDeal({ trained, budgets: [2], round, seed: 3 });
    assert.deepEqual([...list], [1, 4]);
  }
});

Deno.test("warmUpDeal() gives a client other components when the round changes", () => {
  const trained = [new Uint8Array(8).fill(1)];
  const hands = [0, 1, 2, 3].map((round) =>
    warmUpDeal({ trained, budgets: [2, 2, 2, 2], round, seed: 3 })[0][0].join()
  );
  assert.equal(new Set(hands).size, 4);
});

Deno.test("warmUpDeal() repeats when its arguments do, and another seed deals otherwise", () => {
  const trained = [new Uint8Array(16), new Uint8Array(16)];
  const deal = (seed: number) => warmUpDeal({ trained, budgets: [4, 8], round: 1, seed });
  assert.deepEqual(deal(1), deal(1));
  assert.notDeepEqual(deal(1), deal(2));
});

Deno.test("warmUpDeal() throws RangeError when a budget is above the rank", () => {
  const trained = [new Uint8Array(2)];
  assert.throws(() => warmUpDeal({ trained, budgets: [3], round: 0, seed: 1 }), RangeError);
});
