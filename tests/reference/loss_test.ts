import assert from "node:assert/strict";
import { assertClose } from "./compare.ts";
import { crossEntropy, crossEntropyBackward, IGNORE_INDEX } from "./cross_entropy.ts";
import { pool, poolBackward } from "./pool.ts";
import { assertGradient, normals } from "./reference_testing.ts";

Deno.test("pool() sums the tokens of each row with their weights", () => {
  const x = [1, 10, 2, 20, 3, 30, 4, 40];
  assert.deepEqual([...pool(x, [0.5, 0.5, 0, 1], { B: 2, T: 2, C: 2 })], [1.5, 15, 4, 40]);
});

Deno.test("poolBackward() matches finite differences", () => {
  const shape = { B: 2, T: 3, C: 5 };
  const [x, w, dY] = [normals(30, "x"), normals(6, "w"), normals(10, "dY")];
  const { dx, dw } = poolBackward(dY, x, w, shape);
  assertGradient("dx", dx, (v) => pool(v, w, shape), x, dY);
  assertGradient("dw", dw, (v) => pool(x, v, shape), w, dY);
});

Deno.test("crossEntropy() is the weighted negative log-probability of the label", () => {
  const logits = [0, Math.log(3), 0, 0, 1000, 0];
  const loss = crossEntropy(logits, [1, 0, 0], [1, 0.5, 2], { N: 3, L: 2 });
  assertClose(loss, [Math.log(4 / 3), 0.5 * Math.log(2), 0], 1e-12, "loss");
});

Deno.test("crossEntropy() gives ignored rows 0 and refuses other labels outside the columns", () => {
  const shape = { N: 1, L: 2 };
  assert.deepEqual([...crossEntropy([1, 2], [IGNORE_INDEX], [1], shape)], [0]);
  assert.deepEqual([...crossEntropyBackward([1], [1, 2], [IGNORE_INDEX], [1], shape)], [0, 0]);
  assert.deepEqual([...crossEntropy([1, 2], [7], [1], shape, 7)], [0]);
  assert.throws(() => crossEntropy([1, 2], [2], [1], shape), RangeError);
});

Deno.test("crossEntropyBackward() matches finite differences", () => {
  const shape = { N: 4, L: 5 };
  const labels = [0, 4, IGNORE_INDEX, 2];
  const weights = [0.5, 2, 1, 0];
  const [logits, dRow] = [normals(20, "logits"), normals(4, "dRow")];
  const dLogits = crossEntropyBackward(dRow, logits, labels, weights, shape);
  const forward = (v: Float64Array) => crossEntropy(v, labels, weights, shape);
  assertGradient("dLogits", dLogits, forward, logits, dRow);
});
