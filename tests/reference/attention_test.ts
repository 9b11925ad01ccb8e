import assert from "node:assert/strict";
import { attention, attentionBackward } from "./attention.ts";
import { attentionContext, attentionContextBackward } from "./attention_context.ts";
import { attentionScores, attentionScoresBackward } from "./attention_scores.ts";
import { assertClose } from "./compare.ts";
import { maskedSoftmax, maskedSoftmaxBackward } from "./masked_softmax.ts";
import { assertGradient, normals } from "./reference_testing.ts";
import { rope, ropeBackward } from "./rope.ts";

const SHAPES = [
  { B: 1, T: 1, H: 1, Hkv: 1, D: 1 },
  { B: 2, T: 3, H: 2, Hkv: 2, D: 4 },
  { B: 2, T: 5, H: 6, Hkv: 2, D: 3 },
  { B: 1, T: 4, H: 3, Hkv: 1, D: 2 },
];

Deno.test("rope() turns each half-pair by position times its frequency", () => {
  // D = 4, theta = 100: frequencies 1 and 1/10. Position 0 is left alone.
  const y = rope([1, 2, 3, 4, 1, 2, 3, 4], { B: 1, T: 2, H: 1, D: 4 }, 100);
  const [c0, s0, c1, s1] = [Math.cos(1), Math.sin(1), Math.cos(0.1), Math.sin(0.1)];
  const turned = [c0 - 3 * s0, 2 * c1 - 4 * s1, 3 * c0 + s0, 4 * c1 + 2 * s1];
  assertClose(y, [1, 2, 3, 4, ...turned], 1e-12, "y");
});

Deno.test("rope() gives all heads of a token the same angle and restarts in each row", () => {
  const shape = { B: 2, T: 3, H: 2, D: 2 };
  const y = rope(Array(12).fill([1, 0]).flat(), shape, 10000);
  for (let row = 0; row < 12; row++) {
    const t = [0, 0, 1, 1, 2, 2][row % 6];
    assertClose(y.subarray(2 * row, 2 * row + 2), [Math.cos(t), Math.sin(t)], 1e-12, `row ${row}`);
  }
});

Deno.test("rope() refuses an odd head size", () => {
  assert.throws(() => rope([1, 2, 3], { B: 1, T: 1, H: 1, D: 3 }, 10000), RangeError);
});

Deno.test("ropeBackward() matches finite differences", () => {
  const shape = { B: 2, T: 5, H: 3, D: 4 };
  const x = normals(120, "x");
  const dY = normals(120, "dY");
  const dx = ropeBackward(dY, shape, 50);
  assertGradient("dx", dx, (v) => rope(v, shape, 50), x, dY);
});

Deno.test("attentionScores() lets query heads share a key head in groups", () => {
  const shape = { B: 1, T: 1, H: 4, Hkv: 2, D: 1 };
  assert.deepEqual([...attentionScores([1, 2, 3, 4], [10, 100], shape)], [10, 20, 300, 400]);
});

Deno.test("attentionScores() puts query i in rows and key j in columns", () => {
  const shape = { B: 1, T: 2, H: 1, Hkv: 1, D: 1 };
  assert.deepEqual([...attentionScores([1, 2], [3, 5], shape)], [3, 5, 6, 10]);
});

Deno.test("attentionScores() refuses key heads that do not divide the query heads", () => {
  const shape = { B: 1, T: 1, H: 3, Hkv: 2, D: 1 };
  assert.throws(() => attentionScores([1, 2, 3], [1, 2], shape), RangeError);
});

Deno.test("attentionScoresBackward() matches finite differences", () => {
  for (const shape of SHAPES) {
    const { B, T, H, Hkv, D } = shape;
    const q = normals(B * T * H * D, "q", H);
    const k = normals(B * T * Hkv * D, "k", H);
    const dS = normals(B * H * T * T, "dS", H);
    const { dq, dk } = attentionScoresBackward(dS, q, k, shape);
    assertGradient("dq", dq, (v) => attentionScores(v, k, shape), q, dS);
    assertGradient("dk", dk, (v) => attentionScores(q, v, shape), k, dS);
  }
});

Deno.test("maskedSoftmax() normalizes over the allowed keys and leaves the others at zero", () => {
  const S = [0, Math.log(3), 9, 0, 0, 9, 0, 0, 9];
  const P = maskedSoftmax(S, [1, 1, 0], { B: 1, H: 1, T: 3 }, 1, false);
  assertClose(P, [1 / 4, 3 / 4, 0, 1 / 2, 1 / 2, 0, 1 / 2, 1 / 2, 0], 1e-12, "P");
  const causal = maskedSoftmax(S, [1, 1, 0], { B: 1, H: 1, T: 3 }, 1, true);
  assertClose(causal, [1, 0, 0, 1 / 2, 1 / 2, 0, 1 / 2, 1 / 2, 0], 1e-12, "causal");
});

Deno.test("maskedSoftmax() gives zeros to a row without an allowed key", () => {
  // Left padding under a causal mask: token 0 may see nothing.
  const P = maskedSoftmax([5, 5, 5, 5], [0, 1], { B: 1, H: 1, T: 2 }, 1, true);
  assert.deepEqual([...P], [0, 0, 0, 1]);
});

Deno.test("maskedSoftmax() scales before the exponential and survives large scores", () => {
  const P = maskedSoftmax(
    [1000, 1000 + 4 * Math.log(3), 0, 0],
    [1, 1],
    { B: 1, H: 1, T: 2 },
    0.25,
    false,
  );
  assertClose(P, [1 / 4, 3 / 4, 1 / 2, 1 / 2], 1e-12, "P");
});

Deno.test("maskedSoftmaxBackward() matches finite differences", () => {
  const shape = { B: 2, H: 2, T: 4 };
  const mask = [1, 1, 1, 0, 0, 1, 0, 1];
  const S = normals(64, "S");
  const dP = normals(64, "dP");
  for (const causal of [false, true]) {
    const forward = (v: Float64Array) => maskedSoftmax(v, mask, shape, 0.7, causal);
    const dS = maskedSoftmaxBackward(dP, forward(S), shape, 0.7);
    assertGradient(`dS, causal ${causal}`, dS, forward, S, dP);
  }
});

Deno.test("attentionContext() weights the values of the shared head", () => {
  const shape = { B: 1, T: 2, H: 2, Hkv: 1, D: 1 };
  const P = [1, 0, 0.5, 0.5, 0, 1, 0.25, 0.75];
  assert.deepEqual([...attentionContext(P, [4, 8], shape)], [4, 8, 6, 7]);
});

Deno.test("attentionContextBackward() matches finite differences", () => {
  for (const shape of SHAPES) {
    const { B, T, H, Hkv, D } = shape;
    const P = normals(B * H * T * T, "P", H);
    const v = normals(B * T * Hkv * D, "v", H);
    const dY = normals(B * T * H * D, "dY", H);
    const { dp, dv } = attentionContextBackward(dY, P, v, shape);
    assertGradient("dp", dp, (x) => attentionContext(x, v, shape), P, dY);
    assertGradient("dv", dv, (x) => attentionContext(P, x, shape), v, dY);
  }
});

Deno.test("attention() weights values by the scores of the visible keys", () => {
  const shape = { B: 1, T: 2, H: 1, Hkv: 1, D: 1 };
  const q = [1, 1], k = [0, Math.log(3)], v = [4, 8];
  const settings = { mask: [1, 1], scale: 1, causal: false };
  assertClose(attention(q, k, v, shape, settings), [7, 7], 1e-12, "all");
  assertClose(attention(q, k, v, shape, { ...settings, causal: true }), [4, 7], 1e-12, "causal");
  assertClose(attention(q, k, v, shape, { ...settings, mask: [0, 0] }), [0, 0], 1e-12, "none");
});

Deno.test("attentionBackward() matches finite differences", () => {
  for (const shape of SHAPES) {
    const { B, T, H, Hkv, D } = shape;
    const q = normals(B * T * H * D, "query", H);
    const [k, v] = ["key", "value"].map((name) => normals(B * T * Hkv * D, name, H));
    const dY = normals(B * T * H * D, "dcontext", H);
    // The last entry of a larger batch sees nothing at all.
    const mask = Array.from({ length: B * T }, (_, i) => B > 1 && i >= T ? 0 : i % 4 === 1 ? 0 : 1);
    for (const causal of [false, true]) {
      const settings = { mask, scale: 0.7, causal };
      const { dq, dk, dv } = attentionBackward(dY, q, k, v, shape, settings);
      assertGradient("dq", dq, (x) => attention(x, k, v, shape, settings), q, dY);
      assertGradient("dk", dk, (x) => attention(q, x, v, shape, settings), k, dY);
      assertGradient("dv", dv, (x) => attention(q, k, x, shape, settings), v, dY);
    }
  }
});
