import assert from "node:assert/strict";
import { add, addBackward } from "./add.ts";
import { assertClose } from "./compare.ts";
import { erf } from "./erf.ts";
import { gelu, geluBackward } from "./gelu.ts";
import { geluTanh, geluTanhBackward } from "./gelu_tanh.ts";
import type { Numbers } from "./numbers.ts";
import { assertGradient, normals } from "./reference_testing.ts";
import { relu, reluBackward } from "./relu.ts";
import { scale, scaleBackward } from "./scale.ts";
import { silu, siluBackward } from "./silu.ts";
import { siluGate, siluGateBackward } from "./silu_gate.ts";
import { tanh, tanhBackward } from "./tanh.ts";

Deno.test("erf() agrees with Abramowitz and Stegun's table to 1e-12", () => {
  const table: [number, number][] = [
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
    [5, 0.9999999999984626],
    [6, 1],
    [40, 1],
    [Infinity, 1],
  ];
  for (const [x, y] of table) {
    assert.ok(Math.abs(erf(x) - y) < 1e-12, `erf(${x}) = ${erf(x)}, expected ${y}`);
    assert.equal(erf(-x), -erf(x));
  }
});

Deno.test("gelu() is x times the normal distribution function", () => {
  // Φ(1) = 0.841344746068543, Φ(−2) = 0.0227501319481792.
  assertClose(
    gelu([0, 1, -2, 50, -50]),
    [0, 0.841344746068543, -0.0455002638963584, 50, 0],
    1e-12,
    "y",
  );
});

Deno.test("geluTanh() stays within 5e-4 of gelu() and is not the same", () => {
  const x = Float64Array.from({ length: 101 }, (_, i) => (i - 50) / 10);
  const difference = Math.max(...geluTanh(x).map((y, i) => Math.abs(y - gelu(x)[i])));
  assert.ok(difference < 5e-4 && difference > 1e-4, `${difference}`);
});

Deno.test("geluTanh() gives PyTorch's numbers", () => {
  const expected = [
    0.34571400982514394,
    0.8411919906082768,
    -0.04540230591222494,
    2.996362607918227,
  ];
  assertClose(geluTanh([0.5, 1, -2, 3]), expected, 1e-12, "y");
});

Deno.test("silu() is x times the logistic function", () => {
  assertClose(silu([0, Math.log(3), -1000, 1000]), [0, 0.75 * Math.log(3), 0, 1000], 1e-12, "y");
});

Deno.test("relu() and tanh() apply to each element", () => {
  assert.deepEqual([...relu([-1, 0, 2])], [0, 0, 2]);
  assertClose(tanh([0, Math.log(2), -30]), [0, 0.6, -1], 1e-12, "y");
});

type Forward = (x: Numbers) => Float64Array;
type Backward = (dY: Numbers, x: Numbers) => Float64Array;
const UNARY: Record<string, [Forward, Backward]> = {
  gelu: [gelu, geluBackward],
  geluTanh: [geluTanh, geluTanhBackward],
  relu: [relu, reluBackward],
  silu: [silu, siluBackward],
  tanh: [tanh, tanhBackward],
  scale: [(x) => scale(x, -1.3), (dY) => scaleBackward(dY, -1.3)],
};

for (const [name, [forward, backward]] of Object.entries(UNARY)) {
  Deno.test(`${name}Backward() matches finite differences`, () => {
    const x = normals(101, "x").map((v) => 2 * v);
    const dY = normals(101, "dY");
    assertGradient("dx", backward(dY, x), forward, x, dY);
  });
}

Deno.test("siluGateBackward() matches finite differences", () => {
  const [a, b, dY] = [normals(31, "a"), normals(31, "b"), normals(31, "dY")];
  const { da, db } = siluGateBackward(dY, a, b);
  assertGradient("da", da, (v) => siluGate(v, b), a, dY);
  assertGradient("db", db, (v) => siluGate(a, v), b, dY);
});

Deno.test("addBackward() matches finite differences", () => {
  const [a, b, dY] = [normals(7, "a"), normals(7, "b"), normals(7, "dY")];
  const { da, db } = addBackward(dY);
  assertGradient("da", da, (v) => add(v, b), a, dY);
  assertGradient("db", db, (v) => add(a, v), b, dY);
});

Deno.test("add() refuses operands of different lengths", () => {
  assert.throws(() => add([1, 2], [1]), RangeError);
});
