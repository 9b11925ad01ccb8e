import assert from "node:assert/strict";
import { assertClose, relativeError } from "./compare.ts";

Deno.test("relativeError() divides the largest difference by the largest expected magnitude", () => {
  assert.equal(relativeError([1, -4.5], [1, -4]), 0.125);
  assert.equal(relativeError([], []), 0);
  assert.equal(relativeError([0, 0], [0, 0]), 0);
});

Deno.test("relativeError() is infinite when a number is not finite", () => {
  assert.equal(relativeError([NaN], [1]), Infinity);
  assert.equal(relativeError([1], [NaN]), Infinity);
  assert.equal(relativeError([Infinity], [Infinity]), Infinity);
});

Deno.test("relativeError() refuses arrays of different lengths", () => {
  assert.throws(() => relativeError([1], [1, 2]), RangeError);
});

Deno.test("assertClose() names the tensor, the index, and what was expected and got", () => {
  assert.throws(
    () => assertClose([1, 2, 3.5], [1, 2, 4], 0.1, "dq"),
    /"dq" differs at index 2: expected 4, got 3.5 \(relative error 1.25e-1, tolerance 1.00e-1\)/,
  );
  assertClose([1, 2, 3.5], [1, 2, 4], 0.125, "dq");
});
