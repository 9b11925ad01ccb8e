import assert from "node:assert/strict";
import fc from "fast-check";
import { startRankOneSum } from "../../../src/protocol/aggregate/rank_one_sum.ts";
import { randomStream } from "../../../src/protocol/random.ts";

Deno.test("startRankOneSum() keeps the matrix, in fewer terms than twice its narrower side", () => {
  const size = fc.integer({ min: 1, max: 6 });
  fc.assert(fc.property(size, size, fc.nat(40), fc.nat(), (rows, columns, count, seed) => {
    const stream = randomStream(seed);
    const sum = startRankOneSum(rows, columns);
    const dense = new Float64Array(rows * columns);
    for (let term = 0; term < count; term++) {
      const b = Float64Array.from({ length: rows }, () => stream.normal());
      const a = Float64Array.from({ length: columns }, () => stream.normal());
      dense.forEach((_, at) => dense[at] += b[Math.floor(at / columns)] * a[at % columns]);
      sum.add(b, a);
      assert.ok(sum.left.length < 2 * Math.min(rows, columns));
      assert.equal(sum.right.length, sum.left.length);
    }
    dense.forEach((expected, at) => {
      const row = Math.floor(at / columns), column = at % columns;
      const got = sum.left.reduce((total, b, n) => total + b[row] * sum.right[n][column], 0);
      assert.ok(Math.abs(got - expected) <= 1e-11 * Math.max(1, Math.abs(expected)));
    });
  }));
});

Deno.test("startRankOneSum() of a large matrix holds its terms as they came", () => {
  const sum = startRankOneSum(1000, 2000);
  const b = new Float64Array(1000), a = new Float64Array(2000);
  for (let term = 0; term < 50; term++) sum.add(b, a);
  assert.equal(sum.left.length, 50);
  assert.ok(sum.left.every((vector) => vector === b) && sum.right.every((vector) => vector === a));
});
