import { assertClose } from "./compare.ts";
import { layerNorm, layerNormBackward } from "./layer_norm.ts";
import { assertGradient, normals } from "./reference_testing.ts";
import { rmsNorm, rmsNormBackward } from "./rms_norm.ts";

Deno.test("layerNorm() centres and scales each row by its biased deviation", () => {
  // Row [1, 3]: mean 2, variance 1. Row [5, 5]: variance 0, so only beta remains.
  const y = layerNorm([1, 3, 5, 5], [2, 10], [0.5, 1], { N: 2, C: 2 }, 0);
  assertClose(y.subarray(0, 2), [-1.5, 11], 1e-12, "y");
  const flat = layerNorm([5, 5], [2, 10], [0.5, 1], { N: 1, C: 2 }, 1e-5);
  assertClose(flat, [0.5, 1], 1e-12, "flat");
});

Deno.test("layerNorm() adds eps to the variance", () => {
  assertClose(layerNorm([1, 3], [1, 1], [0, 0], { N: 1, C: 2 }, 3), [-0.5, 0.5], 1e-12, "y");
});

Deno.test("layerNormBackward() matches finite differences", () => {
  for (const [N, C, eps] of [[1, 2, 1e-5], [3, 7, 1e-12], [2, 5, 0.1]]) {
    const shape = { N, C };
    const x = normals(N * C, "x", C);
    const gamma = normals(C, "gamma", C);
    const beta = normals(C, "beta", C);
    const dY = normals(N * C, "dY", C);
    const { dx, dgamma, dbeta } = layerNormBackward(dY, x, gamma, shape, eps);
    // Two columns normalize to ±1 whatever x is, so their dx is near 0 and only absolute accuracy
    // means something.
    if (C > 2) assertGradient("dx", dx, (v) => layerNorm(v, gamma, beta, shape, eps), x, dY);
    assertGradient("dgamma", dgamma, (v) => layerNorm(x, v, beta, shape, eps), gamma, dY);
    assertGradient("dbeta", dbeta, (v) => layerNorm(x, gamma, v, shape, eps), beta, dY);
  }
});

Deno.test("rmsNorm() divides each row by its root mean square", () => {
  // Row [1, 7]: mean square 25. With eps 11 the root is 6.
  assertClose(rmsNorm([1, 7], [2, 10], { N: 1, C: 2 }, 0), [0.4, 14], 1e-12, "y");
  assertClose(rmsNorm([1, 7], [6, 6], { N: 1, C: 2 }, 11), [1, 7], 1e-12, "y");
});

Deno.test("rmsNormBackward() matches finite differences", () => {
  for (const [N, C, eps] of [[1, 2, 1e-6], [3, 7, 1e-6], [2, 5, 0.1]]) {
    const shape = { N, C };
    const x = normals(N * C, "x", C);
    const gamma = normals(C, "gamma", C);
    const dY = normals(N * C, "dY", C);
    const { dx, dgamma } = rmsNormBackward(dY, x, gamma, shape, eps);
    assertGradient("dx", dx, (v) => rmsNorm(v, gamma, shape, eps), x, dY);
    assertGradient("dgamma", dgamma, (v) => rmsNorm(x, v, shape, eps), gamma, dY);
  }
});
