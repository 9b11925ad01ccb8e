import assert from "node:assert/strict";
import fc from "fast-check";
import { type Schedule, scheduleFactor } from "../../src/lora/schedule.ts";

const factors = (schedule: Schedule, steps: number[]) =>
  steps.map((step) => scheduleFactor(schedule, step));

Deno.test("scheduleFactor() rises over the warm-up and stays when constant", () => {
  const schedule = { kind: "constant", warmupSteps: 4, totalSteps: 10 } as const;
  assert.deepEqual(factors(schedule, [0, 1, 2, 3, 4, 9, 100]), [0, 0.25, 0.5, 0.75, 1, 1, 1]);
});

Deno.test("scheduleFactor() falls in a line to 0 at the last step", () => {
  const schedule = { kind: "linear", warmupSteps: 2, totalSteps: 6 } as const;
  assert.deepEqual(factors(schedule, [0, 1, 2, 3, 5, 6, 7]), [0, 0.5, 1, 0.75, 0.25, 0, 0]);
});

Deno.test("scheduleFactor() falls as half a cosine to 0 at the last step, and not again", () => {
  const schedule = { kind: "cosine", warmupSteps: 0, totalSteps: 3 } as const;
  // cos(π / 3) = 1/2 and cos(2π / 3) = −1/2.
  const expected = [1, 0.75, 0.25, 0, 0, 0];
  factors(schedule, [0, 1, 2, 3, 4, 6]).forEach((factor, n) =>
    assert.ok(Math.abs(factor - expected[n]) < 1e-15, `step ${n}: ${factor}`)
  );
});

Deno.test("scheduleFactor() stays between 0 and 1, and never rises after the warm-up", () => {
  fc.assert(fc.property(
    fc.constantFrom("constant", "linear", "cosine"),
    fc.nat(20),
    fc.nat(50),
    fc.nat(100),
    (kind, warmupSteps, totalSteps, step) => {
      const now = scheduleFactor({ kind, warmupSteps, totalSteps }, step);
      const next = scheduleFactor({ kind, warmupSteps, totalSteps }, step + 1);
      assert.ok(now >= 0 && now <= 1);
      assert.ok(step < warmupSteps ? next >= now : next <= now);
    },
  ));
});
