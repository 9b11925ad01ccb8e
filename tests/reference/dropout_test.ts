import assert from "node:assert/strict";
import fc from "fast-check";
import { dropout, dropoutBackward, dropoutUniform } from "./dropout.ts";
import { assertGradient, normals } from "./reference_testing.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });

/** The generator once more, in whole-number arithmetic without 32-bit tricks. */
function uniformInBigInt(index: number, seed: number, streamId: number): number {
  const wrap = (n: bigint) => n & 0xffffffffn;
  let r = wrap(BigInt(index) + BigInt(seed) * 0x9e3779b9n + BigInt(streamId) * 0x85ebca6bn);
  for (let round = 0; round < 2; round++) {
    const s = wrap(r * 747796405n + 2891336453n);
    const w = wrap(((s >> ((s >> 28n) + 4n)) ^ s) * 277803737n);
    r = (w >> 22n) ^ w;
  }
  return Number(r >> 8n) / 2 ** 24;
}

Deno.test("dropoutUniform() equals the formula in whole numbers of any size", () => {
  fc.assert(fc.property(u32, u32, u32, (index, seed, streamId) => {
    assert.equal(dropoutUniform(index, seed, streamId), uniformInBigInt(index, seed, streamId));
  }));
});

Deno.test("dropoutUniform() is spread evenly over [0, 1)", () => {
  const counts = new Array(10).fill(0);
  for (let i = 0; i < 100000; i++) counts[Math.floor(10 * dropoutUniform(i, 3, 5))]++;
  // Four standard deviations of a binomial with 100,000 draws and probability 1/10 are 380.
  for (const count of counts) assert.ok(Math.abs(count - 10000) < 380, counts.join(" "));
});

Deno.test("dropout() draws other elements for another seed and another stream", () => {
  const kept = (seed: number, streamId: number) =>
    dropout(new Float64Array(1000).fill(1), seed, streamId, 0.5).map((v) => v > 0 ? 1 : 0);
  const agreement = (a: Float64Array, b: Float64Array) => a.filter((v, i) => v === b[i]).length;
  assert.equal(agreement(kept(1, 1), kept(1, 1)), 1000);
  for (const other of [kept(2, 1), kept(1, 2)]) {
    // Independent fair draws agree in 500 ± 64 of 1000 (four standard deviations).
    assert.ok(Math.abs(agreement(kept(1, 1), other) - 500) < 64);
  }
});

Deno.test("dropout() scales what it keeps so that the mean stays", () => {
  const y = dropout(new Float64Array(100000).fill(1), 7, 0, 0.25);
  assert.deepEqual([...new Set(y)].sort(), [0, 1 / 0.75]);
  assert.ok(Math.abs(y.reduce((sum, v) => sum + v, 0) / y.length - 1) < 0.01);
});

Deno.test("dropout() changes nothing at p = 0 and refuses p = 1", () => {
  assert.deepEqual(dropout([1, -2, 3], 1, 2, 0), Float64Array.of(1, -2, 3));
  assert.throws(() => dropout([1], 1, 2, 1), RangeError);
});

Deno.test("dropoutBackward() matches finite differences", () => {
  const [x, dY] = [normals(50, "x"), normals(50, "dY")];
  assertGradient("dx", dropoutBackward(dY, 9, 4, 0.3), (v) => dropout(v, 9, 4, 0.3), x, dY);
});
