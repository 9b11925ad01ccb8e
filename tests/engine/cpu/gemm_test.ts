import assert from "node:assert/strict";
import fc from "fast-check";
import { type Gemm, GEMM_ROWS, type GemmCall } from "../../../src/engine/cpu/gemm.ts";
import { gemmModule, TILE_ROWS } from "../../../src/engine/cpu/gemm_kernel.ts";
import { createPlainGemm } from "../../../src/engine/cpu/gemm_plain.ts";
import { compileGemm, createGemm, GEMM_SCRATCH_BYTES } from "../../../src/engine/cpu/gemm_wasm.ts";

const HEAP = Math.ceil(GEMM_SCRATCH_BYTES / 64) * 64;
const memory = new WebAssembly.Memory({ initial: 256, maximum: 256, shared: true });

const variants: readonly { name: string; gemm: Gemm | undefined }[] = [
  ...(["fused", "separate"] as const).map((multiplyAdd) => {
    const bytes = gemmModule(multiplyAdd);
    const gemm = WebAssembly.validate(bytes)
      ? createGemm(memory, 0, new WebAssembly.Module(bytes))
      : undefined;
    return { name: `WebAssembly, ${multiplyAdd}`, gemm };
  }),
  { name: "plain", gemm: createPlainGemm() },
];

interface Shape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly alpha: number;
  readonly accumulate: boolean;
  /** Elements between rows beyond what they hold. */
  readonly gap: number;
}

/** A call over fresh, deterministic operands; gaps and surroundings hold values that must neither be read nor written. */
function createCall(shape: Shape): GemmCall & { rowEnd: number } {
  const { m, n, k, transposeA, transposeB, gap } = shape;
  let next = HEAP;
  const take = (length: number): Float32Array => {
    const view = new Float32Array(memory.buffer, next, length);
    next += 4 * length;
    for (let i = 0; i < length; i++) view[i] = ((i * 7919 + length * 104729) % 1999) / 1000 - 1;
    return view;
  };
  const [aLines, aLength] = transposeA ? [k, m] : [m, k];
  const [bLines, bLength] = transposeB ? [n, k] : [k, n];
  const aStride = aLength + gap, bStride = bLength + gap, cRow = n + gap;
  const [aRow, aColumn] = transposeA ? [1, aStride] : [aStride, 1];
  const [bRow, bColumn] = transposeB ? [1, bStride] : [bStride, 1];
  return {
    n,
    k,
    rowBegin: 0,
    rowEnd: m,
    alpha: shape.alpha,
    a: take(3 + aLines * aStride),
    aOffset: 3,
    aRow,
    aColumn,
    b: take(5 + bLines * bStride),
    bOffset: 5,
    bRow,
    bColumn,
    c: take(2 + m * cRow + 9),
    cOffset: 2,
    cRow,
    accumulate: shape.accumulate,
  };
}

/** The expected C in float64, and per element the sum of magnitudes that bounds its rounding. */
function oracle(call: GemmCall): { values: Float64Array; bounds: Float64Array } {
  const values = Float64Array.from(call.c);
  const bounds = new Float64Array(call.c.length);
  for (let i = call.rowBegin; i < call.rowEnd; i++) {
    for (let j = 0; j < call.n; j++) {
      let sum = 0, magnitude = 0;
      for (let p = 0; p < call.k; p++) {
        const product = call.a[call.aOffset + i * call.aRow + p * call.aColumn] *
          call.b[call.bOffset + p * call.bRow + j * call.bColumn];
        sum += product;
        magnitude += Math.abs(product);
      }
      const at = call.cOffset + i * call.cRow + j;
      const start = call.accumulate ? call.c[at] : 0;
      values[at] = start + call.alpha * sum;
      bounds[at] = Math.abs(start) + Math.abs(call.alpha) * magnitude;
    }
  }
  return { values, bounds };
}

function check(gemm: Gemm, call: GemmCall): void {
  const { values, bounds } = oracle(call);
  gemm(call);
  // A block of 256 summands, the sum of blocks, alpha and C: fewer than 300 roundings of 2⁻²⁴ each.
  call.c.forEach((value, i) => {
    assert.ok(
      Math.abs(value - values[i]) <= bounds[i] * 300 * 2 ** -24,
      `element ${i}: expected ${values[i]}, got ${value}`,
    );
  });
}

const sizes = fc.constantFrom(1, 2, 3, 5, 6, 7, 8, 11, 13, 16, 24, 31);
const shapes: fc.Arbitrary<Shape> = fc.record({
  m: sizes,
  n: sizes,
  k: sizes,
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
  alpha: fc.constantFrom(1, -1, 0.5, 0, 3),
  accumulate: fc.boolean(),
  gap: fc.constantFrom(0, 1, 4),
});

const shape = { alpha: 1, accumulate: false, gap: 0, transposeA: false, transposeB: false };

for (const { name, gemm } of variants) {
  const test = (title: string, body: (gemm: Gemm) => void): void =>
    Deno.test({ name: `${title} (${name})`, ignore: gemm === undefined, fn: () => body(gemm!) });

  test("gemm() gives the product worked out by hand", (gemm) => {
    // [1 2; 3 4; 5 6] · [1 0 2; 0 1 3] = [1 2 8; 3 4 18; 5 6 28]
    const call = createCall({ ...shape, m: 3, n: 3, k: 2 });
    call.a.set([1, 2, 3, 4, 5, 6], call.aOffset);
    call.b.set([1, 0, 2, 0, 1, 3], call.bOffset);
    gemm(call);
    assert.deepEqual([...call.c.slice(2, 11)], [1, 2, 8, 3, 4, 18, 5, 6, 28]);
    gemm({ ...call, alpha: -2, accumulate: true });
    assert.deepEqual([...call.c.slice(2, 11)], [-1, -2, -8, -3, -4, -18, -5, -6, -28]);
  });

  test("gemm() agrees with float64 and leaves gaps alone for small shapes", (gemm) => {
    fc.assert(fc.property(shapes, (shape) => check(gemm, createCall(shape))), { numRuns: 300 });
  });

  test("gemm() agrees with float64 when a product spans several blocks", (gemm) => {
    for (const [transposeA, transposeB] of [[false, false], [false, true], [true, false]]) {
      check(gemm, createCall({ ...shape, m: 125, n: 37, k: 517, transposeA, transposeB }));
      check(gemm, createCall({ ...shape, m: 13, n: 521, k: 67, transposeA, transposeB, alpha: 2 }));
    }
  });

  test("gemm() multiplies strided attention heads", (gemm) => {
    // q, k [T, H, D]: head 2 of 3, scores [T, T] = q·kᵀ
    const T = 17, H = 3, D = 5;
    const call = createCall({ ...shape, m: T, n: T, k: D, transposeB: true, gap: (H - 1) * D });
    check(gemm, { ...call, aOffset: 2 * D, bOffset: 2 * D });
  });

  test("gemm() reads operands of which neither stride is 1", (gemm) => {
    const call = createCall({ ...shape, m: 9, n: 10, k: 7, gap: 30 });
    check(gemm, { ...call, aColumn: 3, bColumn: 2 });
  });

  test("gemm() computes the same bits whatever range of rows it is given", (gemm) => {
    fc.assert(
      fc.property(
        shapes,
        fc.constantFrom(1, 6, 24, 25, 121, 130),
        fc.constantFrom(1, 257, 300),
        fc.nat(),
        (shape, m, k, cut) => {
          const whole = createCall({ ...shape, m, k });
          const start = whole.c.slice();
          gemm(whole);
          const expected = whole.c.slice();
          whole.c.set(start);
          const middle = cut % (m + 1);
          gemm({ ...whole, rowBegin: middle, rowEnd: m });
          gemm({ ...whole, rowBegin: 0, rowEnd: middle });
          assert.deepEqual(new Uint32Array(whole.c.slice().buffer), bitsOf(expected));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("gemm() computes the same bits when it is cut by columns", (gemm) => {
    const whole = createCall({ ...shape, m: 7, n: 45, k: 300 });
    gemm(whole);
    const expected = whole.c.slice();
    whole.c.fill(0, whole.cOffset, whole.cOffset + 7 * 45);
    for (const [begin, end] of [[0, 11], [11, 45]]) {
      gemm({
        ...whole,
        n: end - begin,
        bOffset: whole.bOffset + begin,
        cOffset: whole.cOffset + begin,
      });
    }
    assert.deepEqual(bitsOf(whole.c), bitsOf(expected));
  });

  test("gemm() keeps a NaN or an infinity to its own row and column", (gemm) => {
    const call = createCall({ ...shape, m: 7, n: 9, k: 5 });
    call.a[call.aOffset + 6 * 5] = NaN;
    call.b[call.bOffset + 8] = Infinity;
    gemm(call);
    for (let i = 0; i < 7; i++) {
      for (let j = 0; j < 9; j++) {
        const value = call.c[call.cOffset + i * 9 + j];
        assert.equal(Number.isFinite(value), i < 6 && j < 8, `row ${i}, column ${j}: ${value}`);
      }
    }
  });

  test("gemm() writes nothing when the range of rows is empty", (gemm) => {
    const call = createCall({ ...shape, m: 7, n: 9, k: 5 });
    const before = call.c.slice();
    gemm({ ...call, rowBegin: 3, rowEnd: 3 });
    assert.deepEqual(call.c.slice(), before);
  });
}

Deno.test("createGemm() refuses views outside the memory", () => {
  const compiled = compileGemm();
  assert.ok(compiled, "this runtime has no WebAssembly SIMD");
  const gemm = createGemm(memory, 0, compiled.module);
  const call = createCall({ ...shape, m: 1, n: 1, k: 1 });
  assert.throws(() => gemm({ ...call, b: new Float32Array(9) }), {
    name: "TypeError",
    message: "Cannot multiply: B does not lie in the device's memory",
  });
});

Deno.test("compileGemm() names the rounding that its products show", () => {
  const compiled = compileGemm();
  assert.ok(compiled, "this runtime has no WebAssembly SIMD");
  const call = createCall({ ...shape, m: 1, n: 1, k: 2 });
  // −(1 + 2⁻¹¹) + (1 + 2⁻¹²)², of which the square is 1 + 2⁻¹¹ + 2⁻²⁴
  call.a.set([-(1 + 2 ** -11), 1 + 2 ** -12], call.aOffset);
  call.b.set([1, 1 + 2 ** -12], call.bOffset);
  createGemm(memory, 0, compiled.module)(call);
  assert.equal(call.c[call.cOffset], compiled.multiplyAdd === "fused" ? 2 ** -24 : 0);
});

Deno.test("GEMM_ROWS is a multiple of the register tile's rows", () => {
  assert.equal(GEMM_ROWS % TILE_ROWS, 0);
});

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
}
