import assert from "node:assert/strict";
import { updateSensitivity, zeroSensitivity } from "../../src/protocol/sensitivity.ts";

Deno.test("updateSensitivity() follows the formulas over two steps worked out by hand", () => {
  const decay = { beta1: 0.5, beta2: 0.25 };
  // I = 6: Ī = 0.5·6 = 3; Ū = 0.75·|6 − 3| = 2.25.
  const first = updateSensitivity(zeroSensitivity(1), [2], [-3], decay);
  assert.deepEqual([first.smoothed[0], first.uncertainty[0]], [3, 2.25]);
  // I = 1: Ī = 0.5·3 + 0.5·1 = 2; Ū = 0.25·2.25 + 0.75·|1 − 2| = 1.3125.
  const second = updateSensitivity(first, [-1], [-1], decay);
  assert.deepEqual([second.smoothed[0], second.uncertainty[0]], [2, 1.3125]);
  assert.deepEqual([first.smoothed[0], first.uncertainty[0]], [3, 2.25], "the old state is kept");
});

Deno.test("updateSensitivity() decays at 0.85 without bias correction when nothing is said", () => {
  const { smoothed, uncertainty } = updateSensitivity(zeroSensitivity(1), [1], [1]);
  assert(Math.abs(smoothed[0] - 0.15) < 1e-15);
  assert(Math.abs(uncertainty[0] - 0.15 * 0.85) < 1e-15);
});

Deno.test("updateSensitivity() throws RangeError when lengths differ", () => {
  assert.throws(() => updateSensitivity(zeroSensitivity(2), [1, 2], [1]), RangeError);
});
