import assert from "node:assert/strict";
import { assertClose } from "./compare.ts";
import { finiteDifference } from "./finite_difference.ts";

Deno.test("finiteDifference() pulls dY back through a known Jacobian", () => {
  const forward = (x: Float64Array) => [x[0] * x[1], Math.sin(x[0])];
  const gradient = finiteDifference(forward, [0.5, -2], [3, 10]);
  assertClose(gradient, [3 * -2 + 10 * Math.cos(0.5), 3 * 0.5], 1e-9, "gradient");
});

Deno.test("finiteDifference() leaves x as it was", () => {
  const x = Float64Array.of(0.1, 0.2);
  finiteDifference((moved) => moved, x, [1, 1]);
  assert.deepEqual(x, Float64Array.of(0.1, 0.2));
});

Deno.test("finiteDifference() refuses a dY of another length than the result", () => {
  assert.throws(() => finiteDifference((x) => x, [1, 2], [1]), RangeError);
});
