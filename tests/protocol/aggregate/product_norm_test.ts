import assert from "node:assert/strict";
import fc from "fast-check";
import { productNorm } from "../../../src/protocol/aggregate/product_norm.ts";
import { deltaWeight } from "../../../src/protocol/components.ts";
import { randomStream } from "../../../src/protocol/random.ts";
import { normals } from "../support.ts";

Deno.test("productNorm() is the norm of the dense product", () => {
  const size = fc.integer({ min: 1, max: 9 });
  fc.assert(fc.property(size, size, size, fc.nat(), (count, inFeatures, outFeatures, seed) => {
    const stream = randomStream(seed);
    const a = normals(count * inFeatures, stream), b = normals(outFeatures * count, stream);
    const dense = deltaWeight({ name: "q", inFeatures, outFeatures, a, b }, 1);
    const expected = Math.hypot(...dense);
    assert.ok(Math.abs(productNorm(a, b, count) - expected) <= 1e-9 * expected);
  }));
});

Deno.test("productNorm() is 0 when components cancel, and without any", () => {
  const a = new Float32Array([0.1, 0.7, 0.1, 0.7]); // a_0 = a_1
  const b = new Float32Array([0.3, -0.3, 0.9, -0.9]); // b_0 = −b_1
  assert.ok(productNorm(a, b, 2) < 1e-7);
  assert.equal(productNorm(new Float32Array(), new Float32Array(), 0), 0);
});
