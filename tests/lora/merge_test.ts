import assert from "node:assert/strict";
import { mergeDelta } from "../../src/lora/merge.ts";

Deno.test("mergeDelta() adds s·B·A", () => {
  const module = {
    name: "q",
    inFeatures: 2,
    outFeatures: 2,
    a: Float32Array.of(1, 2, 3, 4),
    b: Float32Array.of(1, 0, 2, -1),
  };
  // B·A = [[1, 2], [2 − 3, 4 − 4]].
  const merged = mergeDelta(Float32Array.of(10, 20, 30, 40), module, 2);
  assert.deepEqual(Array.from(merged), [12, 24, 28, 40]);
  assert.throws(() => mergeDelta(new Float32Array(3), module, 2), {
    name: "RangeError",
    message: 'Cannot merge the adapter of "q": expected a weight of 4 numbers, got 3',
  });
});
