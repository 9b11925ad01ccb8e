import assert from "node:assert/strict";
import { rateFactor } from "../../src/pretrain/settings.ts";

const settings = { warmupSteps: 4, steps: 20, decaySteps: 5 };

Deno.test("rateFactor() rises over the first steps, stays, and falls over the last", () => {
  const factors = Array.from({ length: 20 }, (_, step) => rateFactor(settings, step));
  assert.deepEqual(factors.slice(0, 5), [0.25, 0.5, 0.75, 1, 1]);
  assert.deepEqual(new Set(factors.slice(3, 16)), new Set([1]));
  assert.deepEqual(factors.slice(15), [1, 0.8, 0.6, 0.4, 0.2]);
});

Deno.test("rateFactor() is 1 throughout without warm-up and decay", () => {
  const level = { warmupSteps: 0, steps: 3, decaySteps: 0 };
  assert.deepEqual([0, 1, 2].map((step) => rateFactor(level, step)), [1, 1, 1]);
});

Deno.test("rateFactor() takes the lower of rise and fall where they overlap, and never less than 0", () => {
  const short = { warmupSteps: 10, steps: 4, decaySteps: 8 };
  assert.deepEqual([0, 1, 3].map((step) => rateFactor(short, step)), [0.1, 0.2, 0.125]);
  assert.equal(rateFactor(short, 5), 0);
});

Deno.test("rateFactor() before the decay does not depend on how long it goes on", () => {
  for (let step = 0; step < 15; step++) {
    assert.equal(rateFactor({ ...settings, steps: 400 }, step), rateFactor(settings, step));
  }
});
