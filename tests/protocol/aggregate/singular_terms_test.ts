import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type LinearAlgebra,
  singularTerms,
} from "../../../src/protocol/aggregate/singular_terms.ts";
import { startRankOneSum } from "../../../src/protocol/aggregate/rank_one_sum.ts";
import { lazyPackage } from "../../../src/protocol/lazy_package.ts";
import { randomStream } from "../../../src/protocol/random.ts";
import { bestRank } from "../../reference/best_rank.ts";

const algebra = await lazyPackage<LinearAlgebra>("npm:ml-matrix@6.15.1");
const vector = (...numbers: number[]) => Float64Array.from(numbers);

Deno.test("singularTerms() gives the singular values and the best approximation of the dense matrix", () => {
  const size = fc.integer({ min: 1, max: 7 });
  fc.assert(fc.property(size, size, fc.nat(12), size, fc.nat(), (rows, columns, n, count, seed) => {
    const stream = randomStream(seed);
    const sum = startRankOneSum(rows, columns);
    const dense = Array.from({ length: rows }, () => new Array<number>(columns).fill(0));
    for (let term = 0; term < n; term++) {
      const b = Float64Array.from({ length: rows }, () => stream.normal());
      const a = Float64Array.from({ length: columns }, () => stream.normal());
      sum.add(b, a);
      b.forEach((x, row) => a.forEach((y, column) => dense[row][column] += x * y));
    }
    const terms = singularTerms(algebra, sum, count);
    const expected = bestRank(dense, count);
    assert.equal(terms.length, Math.min(count, n, rows, columns));
    terms.forEach(({ value, left, right }, i) => {
      assert.ok(Math.abs(value - expected.values[i]) <= 1e-10 * expected.values[0]);
      for (const unit of [left, right]) assert.ok(Math.abs(Math.hypot(...unit) - 1) < 1e-12);
      const largest = left.reduce((most, entry) => Math.abs(entry) > Math.abs(most) ? entry : most);
      assert.ok(largest > 0);
    });
    expected.matrix.forEach((row, j) =>
      row.forEach((value, k) => {
        const got = terms.reduce((all, term) => all + term.value * term.left[j] * term.right[k], 0);
        assert.ok(Math.abs(got - value) <= 1e-8 * (expected.values[0] ?? 1));
      })
    );
  }));
});

Deno.test("singularTerms() leaves out what a matrix of lower rank has not", () => {
  const twice = { left: [vector(1, 2, 3), vector(2, 4, 6)], right: [vector(1, 0), vector(3, 0)] };
  const [term, ...others] = singularTerms(algebra, twice, 3);
  assert.deepEqual(others, []);
  assert.ok(Math.abs(term.value - 7 * Math.sqrt(14)) < 1e-12);
  const zero = { left: [vector(0, 0)], right: [vector(1, 2)] };
  assert.deepEqual(singularTerms(algebra, zero, 2), []);
  assert.deepEqual(singularTerms(algebra, { left: [], right: [] }, 2), []);
});

Deno.test("singularTerms() makes the first of the largest entries of u positive, whichever way the sum points", () => {
  for (const sign of [1, -1]) {
    const [{ left, right }] = singularTerms(
      algebra,
      { left: [vector(0.5 * sign, -2 * sign, 2 * sign)], right: [vector(3, 4)] },
      1,
    );
    const length = Math.hypot(0.5, 2, 2);
    [-0.5, 2, -2].forEach((entry, j) => assert.ok(Math.abs(left[j] - entry / length) < 1e-15));
    [-0.6, -0.8].forEach((entry, k) => assert.ok(Math.abs(right[k] - sign * entry) < 1e-15));
  }
});
