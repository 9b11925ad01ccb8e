import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../src/protocol/errors.ts";
import { dealRanks, RankError } from "../../src/protocol/ranks.ts";

Deno.test("dealRanks() gives near-equal shares with the remainder going to the highest", () => {
  assert.deepEqual(dealRanks([2, 4, 8], 10), [2, 2, 2, 4, 4, 4, 8, 8, 8, 8]);
  assert.deepEqual(dealRanks([2, 4, 8], 11), [2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8]);
  assert.deepEqual(dealRanks([8, 4, 2], 4), [8, 8, 4, 2]);
  assert.deepEqual(dealRanks([8], 3), [8, 8, 8]);
});

Deno.test("dealRanks() takes a list as it stands when it is as long as the clients", () => {
  assert.deepEqual(dealRanks([8, 2, 4], 3), [8, 2, 4]);
});

Deno.test("dealRanks() gives every tier its floor or one more, for any list", () => {
  const cases = fc.uniqueArray(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 6 })
    .chain((ranks) => fc.tuple(fc.constant(ranks), fc.integer({ min: ranks.length, max: 40 })));
  fc.assert(fc.property(cases, ([ranks, clients]) => {
    const dealt = dealRanks(ranks, clients);
    assert.equal(dealt.length, clients);
    const share = (rank: number) => dealt.filter((each) => each === rank).length;
    const ascending = ranks.toSorted((x, y) => x - y).map(share);
    assert(ascending.every((count, n) => n === 0 || count >= ascending[n - 1]));
    assert(ascending[ascending.length - 1] - ascending[0] <= 1);
  }));
});

const wrong: readonly [string, () => number[], string][] = [
  [
    "a rank is 0",
    () => dealRanks([0, 2], 2),
    "Cannot use rank 0: expected a whole number of at least 1",
  ],
  [
    "a rank is negative",
    () => dealRanks([-2], 2),
    "Cannot use rank -2: expected a whole number of at least 1",
  ],
  [
    "a rank is not whole",
    () => dealRanks([2.5], 2),
    "Cannot use rank 2.5: expected a whole number of at least 1",
  ],
  [
    "a rank is not a number",
    () => dealRanks([NaN], 2),
    "Cannot use rank NaN: expected a whole number of at least 1",
  ],
  [
    "a rank is above the server's",
    () => dealRanks([2, 16], 2, 8),
    "Cannot use rank 16: expected at most the server's 8",
  ],
  [
    "the server's rank is 0",
    () => dealRanks([2], 2, 0),
    "Cannot use server rank 0: expected a whole number of at least 1",
  ],
  [
    "there are more tiers than clients",
    () => dealRanks([2, 4, 8], 2),
    "Cannot deal ranks [2, 4, 8] to 2 clients: expected 1 to 2 ranks, got 3",
  ],
  [
    "there is no rank",
    () => dealRanks([], 2),
    "Cannot deal ranks [] to 2 clients: expected 1 to 2 ranks, got 0",
  ],
];

for (const [situation, deal, message] of wrong) {
  Deno.test(`dealRanks() throws RankError when ${situation}`, () => {
    assert.throws(deal, (error) => {
      assert(error instanceof RankError && error instanceof UserError);
      assert.equal(error.message, message);
      return true;
    });
  });
}
