import assert from "node:assert/strict";
import { exponential } from "../../../src/engine/cpu/vector_activations.ts";
import { elementwise, vectorModule } from "../../../src/engine/cpu/vector_kernel.ts";
import { compileVector, createVector } from "../../../src/engine/cpu/vector_wasm.ts";
import { encodeModule } from "../../../src/engine/cpu/wasm_module.ts";
import type { ActivationKind } from "../../../src/engine/ops/activation_functions.ts";
import { gelu, geluBackward } from "../../reference/gelu.ts";
import { geluTanh, geluTanhBackward } from "../../reference/gelu_tanh.ts";
import type { Numbers } from "../../reference/numbers.ts";
import { relu, reluBackward } from "../../reference/relu.ts";
import { silu, siluBackward } from "../../reference/silu.ts";
import { tanh, tanhBackward } from "../../reference/tanh.ts";
import { bitsOf, createHeap, memory, onEveryVariant } from "./vector_testing.ts";

const oracles: Record<ActivationKind, {
  readonly forward: (x: Numbers) => Float64Array;
  readonly backward: (dy: Numbers, x: Numbers) => Float64Array;
}> = {
  gelu: { forward: gelu, backward: geluBackward },
  gelu_tanh: { forward: geluTanh, backward: geluTanhBackward },
  tanh: { forward: tanh, backward: tanhBackward },
  relu: { forward: relu, backward: reluBackward },
  silu: { forward: silu, backward: siluBackward },
};
const kinds = Object.keys(oracles) as ActivationKind[];

const lengths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 4095, 4096, 4097];

/** Ordinary values, then tails where a careless formula overflows. */
const tails = [-1000, -104, -90, -30, -12, 12, 30, 90, 104, 1000, -0, 1e-20, 1e-41];

function valuesFor(length: number): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => i % 17 === 16 ? tails[(i - 16) / 17 % tails.length] : (i % 1601 - 800) / 100,
  );
}

/** Bounds |actual − expected| by 1.5e-6 of the value or of 1: erf's 1.5e-7 times an argument below 8, and roundings. */
function assertNear(actual: Float32Array, expected: Numbers, title: string): void {
  actual.forEach((value, i) => {
    const bound = 1.5e-6 * Math.max(1, Math.abs(expected[i]));
    assert.ok(
      Math.abs(value - expected[i]) <= bound,
      `${title}, element ${i}: expected ${expected[i]}, got ${value}`,
    );
  });
}

/** e^x of the WebAssembly code. */
function exponentials(x: Float32Array, fused: boolean): Float32Array {
  const module = new WebAssembly.Module(encodeModule([
    elementwise("exp", 2, (code, { load, store }) => store(1, exponential(code, load(0))), fused),
  ]));
  const { exports } = new WebAssembly.Instance(module, { engine: { memory } });
  const all = new Float32Array(memory.buffer);
  const input = all.subarray(1024, 1024 + x.length);
  input.set(x);
  const output = new Float32Array(memory.buffer, input.byteOffset + input.byteLength, x.length);
  (exports.exp as (x: number, y: number, count: number) => void)(
    input.byteOffset,
    output.byteOffset,
    x.length,
  );
  return output.slice();
}

/** Registers a test for each way to round a multiply-add. */
function onEveryRounding(title: string, body: (fused: boolean) => void): void {
  Deno.test({
    name: `${title} (fused)`,
    ignore: !WebAssembly.validate(vectorModule(true)),
    fn: () => body(true),
  });
  Deno.test(`${title} (separate)`, () => body(false));
}

onEveryRounding("exponential() stays within 2e-7 of e^x over all that float32 holds", (fused) => {
  const x = Float32Array.from({ length: 200_000 }, (_, i) => -87.3 + i * (88.72 + 87.3) / 200_000);
  const near = Float32Array.from({ length: 20_000 }, (_, i) => (i - 10_000) * 1e-5);
  let worst = 0;
  for (const values of [x, near]) {
    exponentials(values, fused).forEach((y, i) => {
      worst = Math.max(worst, Math.abs(y / Math.exp(values[i]) - 1));
    });
  }
  assert.ok(worst <= 2e-7, `relative error ${worst}`);
  assert.ok(worst > 1e-9, "nothing was compared");
});

onEveryRounding("exponential() is within one unit of e^x in the subnormal numbers", (fused) => {
  const x = Float32Array.from({ length: 20_000 }, (_, i) => -87.3 - i * 17 / 20_000);
  exponentials(x, fused).forEach((y, i) => {
    const bound = 2 ** -149 + 2e-7 * Math.exp(x[i]);
    assert.ok(Math.abs(y - Math.exp(x[i])) <= bound, `e^${x[i]}: got ${y}`);
  });
  assert.ok(
    exponentials(Float32Array.of(-103), fused)[0] > 0,
    "subnormal numbers are flushed to zero",
  );
});

onEveryRounding("exponential() gives e^x exactly at the ends and keeps NaN", (fused) => {
  const x = Float32Array.of(0, -0, -Infinity, Infinity, NaN, -104, -1e30, 88.73, 89, 1e30, 1e-30);
  const expected = [1, 1, 0, Infinity, NaN, 0, 0, Infinity, Infinity, Infinity, 1];
  assert.deepEqual([...exponentials(x, fused)], expected);
});

onEveryVariant("activation() equals its oracle at every length and alignment", (vector) => {
  for (const kind of kinds) {
    for (const length of lengths) {
      const heap = createHeap(length % 4);
      const x = heap.take(valuesFor(length)), y = heap.take(length);
      vector.activation(kind, x, y, 0, length);
      assertNear(y, oracles[kind].forward(x), `${kind} of ${length}`);
      heap.check();
    }
  }
});

onEveryVariant("activationBackward() equals its oracle at every length", (vector) => {
  for (const kind of kinds) {
    for (const length of lengths) {
      const heap = createHeap(length % 4);
      const x = heap.take(valuesFor(length)), dy = heap.take(length), dx = heap.take(length);
      vector.activationBackward(kind, x, dy, dx, 0, length);
      assertNear(dx, oracles[kind].backward(dy, x), `${kind} of ${length}`);
      heap.check();
    }
  }
});

onEveryVariant("gate() and gateBackward() equal their oracles at every length", (vector) => {
  for (const kind of kinds) {
    const { forward, backward } = oracles[kind];
    for (const length of lengths) {
      const heap = createHeap(length % 4);
      const a = heap.take(valuesFor(length));
      const [b, dy, y, da, db] = [1, 2, 3, 4, 5].map(() => heap.take(length));
      vector.gate(kind, a, b, y, 0, length);
      vector.gateBackward(kind, { a, b, dy, da, db }, 0, length);
      const value = forward(a);
      assertNear(y, value.map((v, i) => v * b[i]), `${kind} of ${length}`);
      assertNear(db, value.map((v, i) => v * dy[i]), `db of ${kind} of ${length}`);
      const product = Float64Array.from(dy, (v, i) => v * b[i]);
      assertNear(da, backward(product, a), `da of ${kind} of ${length}`);
      heap.check();
    }
  }
});

onEveryVariant("activation() passes NaN on when its input holds one", (vector) => {
  for (const kind of kinds) {
    const heap = createHeap(0);
    const x = heap.take([1, NaN, 2, 3, 4, NaN]), y = heap.take(6);
    vector.activation(kind, x, y, 0, 6);
    assert.deepEqual([...y].map(Number.isNaN), [false, true, false, false, false, true], kind);
  }
});

onEveryVariant("add() sums every pair and writes nothing else", (vector) => {
  for (const length of lengths) {
    const heap = createHeap(length % 4);
    const a = heap.take(length), b = heap.take(length), y = heap.take(length);
    vector.add(a, b, y, 0, length);
    assert.deepEqual([...y], [...Float32Array.from(a, (value, i) => value + b[i])]);
    heap.check();
  }
});

onEveryVariant("activation() computes the same bits when a range is cut anywhere", (vector) => {
  const length = 23;
  for (const kind of kinds) {
    const heap = createHeap(3);
    const x = heap.take(valuesFor(length)), dy = heap.take(length);
    const [whole, parts, dWhole, dParts] = [1, 2, 3, 4].map(() => heap.take(length));
    vector.activation(kind, x, whole, 0, length);
    vector.activationBackward(kind, x, dy, dWhole, 0, length);
    for (let cut = 0; cut <= length; cut++) {
      for (const [begin, end] of [[0, cut], [cut, length]]) {
        vector.activation(kind, x, parts, begin, end);
        vector.activationBackward(kind, x, dy, dParts, begin, end);
      }
      assert.deepEqual(bitsOf(parts), bitsOf(whole));
      assert.deepEqual(bitsOf(dParts), bitsOf(dWhole));
    }
  }
});

onEveryVariant("gateBackward() may write over its inputs", (vector) => {
  const heap = createHeap(0);
  const [a, b, dy, da, db] = [1, 2, 3, 4, 5].map(() => heap.take(13));
  vector.gateBackward("silu", { a, b, dy, da, db }, 0, 13);
  const [overA, overDy] = [heap.take(a), heap.take(dy)];
  vector.gateBackward("silu", { a: overA, b, dy: overDy, da: overA, db: overDy }, 0, 13);
  assert.deepEqual([bitsOf(overA), bitsOf(overDy)], [bitsOf(da), bitsOf(db)]);
});

Deno.test("createVector() refuses views outside the memory", () => {
  const module = compileVector();
  assert.ok(module, "this runtime has no WebAssembly SIMD");
  const x = new Float32Array(4);
  assert.throws(() => createVector(memory, module).add(x, x, x, 0, 4), {
    name: "TypeError",
    message: "Cannot compute on a vector that does not lie in the device's memory",
  });
});
