import assert from "node:assert/strict";
import { embedding, embeddingBackward } from "./embedding.ts";
import { linear, linearBackward } from "./linear.ts";
import { loraLinear, loraLinearBackward } from "./lora_linear.ts";
import { assertGradient, normals } from "./reference_testing.ts";

Deno.test("embedding() copies the rows named by the ids", () => {
  const y = embedding([1, 2, 3, 4, 5, 6], [2, 0, 2], { V: 3, C: 2 });
  assert.deepEqual([...y], [5, 6, 1, 2, 5, 6]);
});

Deno.test("embedding() refuses an id outside the table", () => {
  assert.throws(() => embedding([1, 2], [2], { V: 2, C: 1 }), RangeError);
});

Deno.test("embeddingBackward() sums repeated ids and matches finite differences", () => {
  const shape = { V: 5, C: 3 };
  const ids = [4, 1, 4, 0];
  const table = normals(15, "table");
  const dY = normals(12, "dY");
  const dTable = embeddingBackward(dY, ids, shape);
  assertGradient("dTable", dTable, (t) => embedding(t, ids, shape), table, dY);
  assert.equal(dTable[4 * 3], dY[0] + dY[6]);
});

Deno.test("linear() multiplies by the transposed weight and adds the bias", () => {
  const shape = { N: 1, K: 2, M: 3 };
  const w = [1, 0, 0, 1, 1, 1];
  assert.deepEqual([...linear([2, 3], w, [10, 20, 30], shape)], [12, 23, 35]);
  assert.deepEqual([...linear([2, 3], w, undefined, shape)], [2, 3, 5]);
});

Deno.test("linear() refuses a weight of another size", () => {
  assert.throws(
    () => linear([1, 2], [1], undefined, { N: 1, K: 2, M: 1 }),
    /Cannot read "w": expected 2 numbers, got 1/,
  );
});

Deno.test("linearBackward() matches finite differences", () => {
  for (const [N, K, M] of [[1, 1, 1], [3, 5, 2], [7, 2, 4]]) {
    const shape = { N, K, M };
    const x = normals(N * K, "x", N);
    const w = normals(M * K, "w", N);
    const bias = normals(M, "bias", N);
    const dY = normals(N * M, "dY", N);
    const { dx, dw, dbias } = linearBackward(dY, x, w, shape);
    assertGradient("dx", dx, (v) => linear(v, w, bias, shape), x, dY);
    assertGradient("dw", dw, (v) => linear(x, v, bias, shape), w, dY);
    assertGradient("dbias", dbias, (v) => linear(x, w, v, shape), bias, dY);
  }
});

Deno.test("loraLinear() adds the scaled low-rank product of the unmasked components", () => {
  const shape = { N: 1, K: 2, M: 1, r: 2 };
  const inputs = { x: [1, 2], w0: [3, 4], bias: [0.5], a: [1, 0, 0, 1], b: [5, 7], s: 2 };
  assert.deepEqual([...loraLinear({ ...inputs, mask: [1, 1] }, shape)], [11.5 + 2 * (5 + 14)]);
  assert.deepEqual([...loraLinear({ ...inputs, mask: [0, 1] }, shape)], [11.5 + 2 * 14]);
  assert.deepEqual([...loraLinear({ ...inputs, mask: [0, 0] }, shape)], [11.5]);
});

Deno.test("loraLinearBackward() matches finite differences, with zeros for masked components", () => {
  const shape = { N: 3, K: 5, M: 4, r: 3 };
  const inputs = {
    x: normals(15, "x"),
    w0: normals(20, "w0"),
    bias: normals(4, "bias"),
    a: normals(15, "a"),
    b: normals(12, "b"),
    mask: [1, 0, 1],
    s: 1.7,
  };
  const dY = normals(12, "dY");
  const { dx, da, db, dw, dbias } = loraLinearBackward(dY, inputs, shape);
  const forward = (changed: Partial<typeof inputs>) => loraLinear({ ...inputs, ...changed }, shape);
  assertGradient("dx", dx, (x) => forward({ x }), inputs.x, dY);
  assertGradient("da", da, (a) => forward({ a }), inputs.a, dY);
  assertGradient("db", db, (b) => forward({ b }), inputs.b, dY);
  assertGradient("dw", dw, (w0) => forward({ w0 }), inputs.w0, dY);
  assertGradient("dbias", dbias, (bias) => forward({ bias }), inputs.bias, dY);
  assert.deepEqual([...da.subarray(5, 10)], [0, 0, 0, 0, 0]);
  assert.deepEqual([db[1], db[4], db[7], db[10]], [0, 0, 0, 0]);
});
