import assert from "node:assert/strict";
import fc from "fast-check";
import { tQuantile, tTails } from "../../src/study/student_t.ts";

/** Upper 2.5 % points by degrees of freedom, as printed in tables of the distribution. */
const published = [
  [1, 12.706],
  [2, 4.303],
  [3, 3.182],
  [4, 2.776],
  [5, 2.571],
  [6, 2.447],
  [7, 2.365],
  [8, 2.306],
  [9, 2.262],
  [10, 2.228],
  [15, 2.131],
  [20, 2.086],
  [30, 2.042],
  [40, 2.021],
  [60, 2.000],
  [120, 1.980],
] as const;

Deno.test("tQuantile() agrees with the printed tables", () => {
  for (const [freedom, value] of published) {
    assert.equal(tQuantile(0.975, freedom).toFixed(3), value.toFixed(3), `ν = ${freedom}`);
  }
  assert.equal(tQuantile(0.995, 4).toFixed(3), "4.604");
  assert.equal(tQuantile(0.95, 4).toFixed(3), "2.132");
  assert.equal(tQuantile(0.9995, 3).toFixed(3), "12.924");
  assert.equal(tQuantile(0.975, 1e7).toFixed(4), "1.9600"); // the normal distribution's
});

Deno.test("tQuantile() agrees with the closed forms of one and two degrees of freedom", () => {
  for (const p of [0.51, 0.6, 0.9, 0.975, 0.999, 0.999999]) {
    const cauchy = Math.tan(Math.PI * (p - 0.5));
    assert.ok(Math.abs(tQuantile(p, 1) / cauchy - 1) < 1e-9, `p = ${p}`);
    const two = (2 * p - 1) * Math.sqrt(2 / (4 * p * (1 - p)));
    assert.ok(Math.abs(tQuantile(p, 2) / two - 1) < 1e-9, `p = ${p}`);
  }
});

Deno.test("tQuantile() is symmetric, and the inverse of tTails() for whole and broken degrees", () => {
  const share = fc.double({ min: 0.501, max: 0.9999, noNaN: true });
  const degrees = fc.double({ min: 0.3, max: 500, noNaN: true });
  fc.assert(fc.property(share, degrees, (p, freedom) => {
    const t = tQuantile(p, freedom);
    assert.equal(tQuantile(1 - (1 - p), freedom), t);
    assert.ok(Math.abs(tQuantile(1 - p, freedom) + t) <= 1e-9 * t);
    assert.ok(Math.abs(tTails(t, freedom) - 2 * (1 - p)) < 1e-10);
  }));
  assert.equal(tQuantile(0.5, 3), 0);
});

Deno.test("tTails() is one at zero, falls to zero, and knows a printed value", () => {
  assert.equal(tTails(0, 4), 1);
  assert.equal(tTails(Infinity, 4), 0);
  assert.equal(tTails(-2.776, 4).toFixed(3), "0.050");
  assert.equal(tTails(2.776, 4), tTails(-2.776, 4));
});

Deno.test("tQuantile() and tTails() refuse what has no value", () => {
  assert.throws(() => tQuantile(1, 4), /expected p in \(0, 1\), got 1/);
  assert.throws(() => tQuantile(0.5, 0), /degrees of freedom above 0, got 0/);
  assert.throws(() => tTails(1, NaN), RangeError);
  assert.throws(() => tTails(NaN, 2), RangeError);
});
