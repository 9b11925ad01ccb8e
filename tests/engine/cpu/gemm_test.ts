import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Gemm,
  GEMM_ROWS,
  type GemmCall,
  type GemmProduct,
} from "../../../src/engine/cpu/gemm.ts";
import { gemmModule } from "../../../src/engine/cpu/gemm_kernel.ts";
import { createPlainGemm } from "../../../src/engine/cpu/gemm_plain.ts";
import { TILE_ROWS } from "../../../src/engine/cpu/gemm_tile.ts";
import {
  BLOCK_ROWS,
  BLOCK_STEPS,
  compileGemm,
  createGemm,
  GEMM_SCRATCH_BYTES,
} from "../../../src/engine/cpu/gemm_wasm.ts";

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
  readonly factor: number;
  /** The k of a second product, with a factor of its own; 0 for none. */
  readonly rank: number;
  readonly bias: boolean;
  /** What is added: nothing, a matrix, or C as it is. */
  readonly addend: "none" | "other" | "itself";
  /** Elements between rows beyond what they hold. */
  readonly gap: number;
  /** What the first product's B holds. */
  readonly stored: "f32" | "f16" | "int8";
}

type TestCall = Omit<GemmCall, "products"> & { products: [GemmProduct, ...GemmProduct[]] };

/** A call over fresh, deterministic operands; gaps and surroundings hold values that must neither be read nor written. */
function createCall(shape: Shape): TestCall {
  const { m, n, gap } = shape;
  let next = HEAP;
  const fill = <View extends Float32Array | Float16Array>(view: View): View => {
    const { length } = view;
    for (let i = 0; i < length; i++) view[i] = ((i * 7919 + length * 104729) % 1999) / 1000 - 1;
    return view;
  };
  const place = (length: number): number => {
    const address = next;
    next += 4 * length;
    return address;
  };
  const take = (length: number): Float32Array =>
    fill(new Float32Array(memory.buffer, place(length), length));
  const takeHalves = (length: number): Float16Array =>
    fill(new Float16Array(memory.buffer, place(length), length));
  const takeBytes = (length: number): Int8Array => {
    const view = new Int8Array(memory.buffer, place(length), length);
    for (let i = 0; i < length; i++) view[i] = (i * 7919 + length * 104729) % 255 - 127;
    return view;
  };
  const product = (
    k: number,
    transposeA: boolean,
    transposeB: boolean,
    factor: number,
    stored: Shape["stored"] = "f32",
  ): GemmProduct => {
    const [aLines, aLength] = transposeA ? [k, m] : [m, k];
    const [bLines, bLength] = transposeB ? [n, k] : [k, n];
    const aStride = aLength + gap, bStride = bLength + gap;
    const [aRow, aColumn] = transposeA ? [1, aStride] : [aStride, 1];
    const [bRow, bColumn] = transposeB ? [1, bStride] : [bStride, 1];
    const a = take(3 + aLines * aStride);
    const length = 5 + bLines * bStride;
    const places = { k, a, aOffset: 3, aRow, aColumn, bOffset: 5, bRow, bColumn, factor };
    if (stored !== "int8") {
      return { ...places, b: stored === "f16" ? takeHalves(length) : take(length) };
    }
    const along = transposeB ? "columns" : "steps";
    return {
      ...places,
      b: takeBytes(length),
      bScales: { view: take(1 + bLines), offset: 1, along },
    };
  };
  const first = product(
    shape.k,
    shape.transposeA,
    shape.transposeB,
    shape.factor,
    shape.stored,
  );
  const cRow = n + gap;
  const c = take(2 + m * cRow + 9);
  const other = { view: take(1 + m * (n + 3)), offset: 1, row: n + 3 };
  return {
    products: shape.rank > 0 ? [first, product(shape.rank, false, true, -1.5)] : [first],
    n,
    rowBegin: 0,
    rowEnd: m,
    ...(shape.bias && { bias: { view: take(4 + n), offset: 4 } }),
    ...(shape.addend === "other" && { addend: other }),
    ...(shape.addend === "itself" && { addend: { view: c, offset: 2, row: cRow } }),
    c,
    cOffset: 2,
    cRow,
  };
}

/** The expected C in float64, and per element the sum of magnitudes that bounds its rounding. */
function oracle(call: GemmCall): { values: Float64Array; bounds: Float64Array } {
  const { products, bias, addend } = call;
  const values = Float64Array.from(call.c);
  const bounds = new Float64Array(call.c.length);
  for (let i = call.rowBegin; i < call.rowEnd; i++) {
    for (let j = 0; j < call.n; j++) {
      const terms = products.flatMap(({ k, a, aOffset, aRow, aColumn, ...rest }) =>
        Array.from({ length: k }, (_, p) =>
          rest.factor * a[aOffset + i * aRow + p * aColumn] *
          rest.b[rest.bOffset + p * rest.bRow + j * rest.bColumn] *
          scaleOf(rest.bScales, p, j))
      );
      if (bias) terms.push(bias.view[bias.offset + j]);
      if (addend) terms.push(addend.view[addend.offset + i * addend.row + j]);
      const at = call.cOffset + i * call.cRow + j;
      values[at] = terms.reduce((sum, term) => sum + term, 0);
      bounds[at] = terms.reduce((sum, term) => sum + Math.abs(term), 0);
    }
  }
  return { values, bounds };
}

function scaleOf(scales: GemmProduct["bScales"], step: number, column: number): number {
  return scales ? scales.view[scales.offset + (scales.along === "columns" ? column : step)] : 1;
}

function check(gemm: Gemm, call: GemmCall): void {
  const { values, bounds } = oracle(call);
  gemm(call);
  // A block of 400 summands, the sum of blocks, factors and addends: fewer than 450 roundings of 2⁻²⁴ each.
  call.c.forEach((value, i) => {
    assert.ok(
      Math.abs(value - values[i]) <= bounds[i] * 450 * 2 ** -24,
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
  factor: fc.constantFrom(1, -1, 0.5, 0, 3),
  rank: fc.constantFrom(0, 0, 1, 3, 8),
  bias: fc.boolean(),
  addend: fc.constantFrom("none", "other", "itself"),
  gap: fc.constantFrom(0, 1, 4),
  stored: fc.constantFrom("f32", "f16", "int8"),
});

const shape: Omit<Shape, "m" | "n" | "k"> = {
  factor: 1,
  rank: 0,
  bias: false,
  addend: "none",
  gap: 0,
  stored: "f32",
  transposeA: false,
  transposeB: false,
};

for (const { name, gemm } of variants) {
  const test = (title: string, body: (gemm: Gemm) => void): void =>
    Deno.test({ name: `${title} (${name})`, ignore: gemm === undefined, fn: () => body(gemm!) });

  test("gemm() gives the product worked out by hand", (gemm) => {
    // [1 2; 3 4; 5 6] · [1 0 2; 0 1 3] = [1 2 8; 3 4 18; 5 6 28]
    const call = createCall({ ...shape, m: 3, n: 3, k: 2 });
    const [product] = call.products;
    product.a.set([1, 2, 3, 4, 5, 6], product.aOffset);
    product.b.set([1, 0, 2, 0, 1, 3], product.bOffset);
    gemm(call);
    assert.deepEqual([...call.c.slice(2, 11)], [1, 2, 8, 3, 4, 18, 5, 6, 28]);
    const twice = { ...product, factor: -2 };
    gemm({ ...call, products: [twice], addend: { view: call.c, offset: 2, row: 3 } });
    assert.deepEqual([...call.c.slice(2, 11)], [-1, -2, -8, -3, -4, -18, -5, -6, -28]);
  });

  test("gemm() agrees with float64 and leaves gaps alone for small shapes", (gemm) => {
    fc.assert(fc.property(shapes, (shape) => check(gemm, createCall(shape))), { numRuns: 300 });
  });

  test("gemm() agrees with float64 when a product spans several blocks", (gemm) => {
    for (const [transposeA, transposeB] of [[false, false], [false, true], [true, false]]) {
      const transposed = { ...shape, transposeA, transposeB };
      check(gemm, createCall({ ...transposed, m: 125, n: 37, k: 517 }));
      check(gemm, createCall({ ...transposed, m: 125, n: 37, k: 517, stored: "f16" }));
      check(gemm, createCall({ ...transposed, m: 125, n: 37, k: 517, stored: "int8", rank: 3 }));
      check(gemm, createCall({ ...transposed, m: 13, n: 521, k: 67, factor: 2, bias: true }));
    }
    // More steps than B is packed for at once, a block of rows and one more.
    const deep = 3 * BLOCK_STEPS + 1;
    check(gemm, createCall({ ...shape, m: 7, n: 227, k: deep, rank: 3, addend: "other" }));
    check(gemm, createCall({ ...shape, m: BLOCK_ROWS + 1, n: 3, k: 5, bias: true }));
    // Several blocks of columns, with room for B left over; then with none, and with none for A.
    check(gemm, createCall({ ...shape, m: 2, n: 420, k: 1200 }));
    check(gemm, createCall({ ...shape, m: 1, n: 432, k: 1024, bias: true }));
    check(gemm, createCall({ ...shape, m: 1, n: 1376, k: 384, transposeB: true }));
    check(gemm, createCall({ ...shape, m: 1, n: 512, k: 1024 }));
    check(gemm, createCall({ ...shape, m: BLOCK_ROWS, n: 1, k: BLOCK_STEPS }));
  });

  test("gemm() multiplies strided attention heads", (gemm) => {
    // q, k [T, H, D]: head 2 of 3, scores [T, T] = q·kᵀ
    const T = 17, H = 3, D = 5;
    const call = createCall({ ...shape, m: T, n: T, k: D, transposeB: true, gap: (H - 1) * D });
    const [product] = call.products;
    check(gemm, { ...call, products: [{ ...product, aOffset: 2 * D, bOffset: 2 * D }] });
  });

  test("gemm() reads operands of which neither stride is 1", (gemm) => {
    const call = createCall({ ...shape, m: 9, n: 10, k: 7, gap: 30 });
    const [product] = call.products;
    check(gemm, { ...call, products: [{ ...product, aColumn: 3, bColumn: 2 }] });
  });

  test("gemm() reads every finite half as the number that it is", (gemm) => {
    const finite = Uint16Array.from({ length: 0x7c00 }, (_, bits) => bits);
    const halves = new Uint16Array([...finite, ...finite.map((bits) => bits | 0x8000)]);
    // Steps side by side, in fours and a rest; columns side by side; neither.
    const [steps, rows] = [7, halves.length / 7 >> 0];
    const strides = [[1, steps], [rows, 1], [2, 2 * steps]];
    for (const [bRow, bColumn] of strides) {
      const n = bRow === 2 ? rows >> 1 : rows;
      const call = createCall({ ...shape, m: steps, n, k: steps });
      const [product] = call.products;
      product.a.fill(0);
      for (let i = 0; i < steps; i++) product.a[product.aOffset + i * (steps + 1)] = 1;
      const b = new Float16Array(memory.buffer, HEAP + 2 ** 22, halves.length);
      b.set(new Float16Array(halves.buffer));
      gemm({ ...call, products: [{ ...product, b, bOffset: 0, bRow, bColumn }] });
      for (let step = 0; step < steps; step++) {
        for (let column = 0; column < n; column++) {
          const value = call.c[call.cOffset + step * n + column];
          assert.ok(value === b[step * bRow + column * bColumn], `${step}, ${column}: ${value}`);
        }
      }
    }
  });

  test("gemm() computes the same bits whatever range of rows it is given", (gemm) => {
    fc.assert(
      fc.property(
        shapes,
        fc.constantFrom(1, 5, 20, 24, BLOCK_ROWS + 1),
        fc.constantFrom(1, 257, BLOCK_STEPS, BLOCK_STEPS + 1),
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
    for (const stored of ["f32", "int8"] as const) cutByColumns(gemm, stored);
  });

  const cutByColumns = (gemm: Gemm, stored: Shape["stored"]): void => {
    const cut = { ...shape, m: 7, n: 45, k: 300, rank: 3, bias: true, transposeB: true };
    const whole = createCall({ ...cut, stored });
    const { products, bias } = whole;
    gemm(whole);
    const expected = whole.c.slice();
    whole.c.fill(0, whole.cOffset, whole.cOffset + 7 * 45);
    for (const [begin, end] of [[0, 11], [11, 45]]) {
      gemm({
        ...whole,
        products: products.map((product) => ({
          ...product,
          bOffset: product.bOffset + begin * product.bColumn,
          ...(product.bScales &&
            { bScales: { ...product.bScales, offset: product.bScales.offset + begin } }),
        })),
        bias: { view: bias!.view, offset: bias!.offset + begin },
        n: end - begin,
        cOffset: whole.cOffset + begin,
      });
    }
    assert.deepEqual(bitsOf(whole.c), bitsOf(expected));
  };

  test("gemm() needs nothing of its working memory to last between calls", (gemm) => {
    new Float32Array(memory.buffer, 0, HEAP / 4).fill(NaN);
    check(gemm, createCall({ ...shape, m: 7, n: 9, k: 5, bias: true }));
  });

  test("gemm() keeps a NaN or an infinity to its own row and column", (gemm) => {
    const call = createCall({ ...shape, m: 7, n: 9, k: 5 });
    const [{ a, aOffset, b, bOffset }] = call.products;
    a[aOffset + 6 * 5] = NaN;
    b[bOffset + 8] = Infinity;
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
  const [product] = call.products;
  const outside = { ...product, b: new Float32Array(9) };
  assert.throws(() => gemm({ ...call, products: [outside] }), {
    name: "TypeError",
    message: "Cannot multiply: B does not lie in the device's memory",
  });
});

Deno.test("compileGemm() names the rounding that its products show", () => {
  const compiled = compileGemm();
  assert.ok(compiled, "this runtime has no WebAssembly SIMD");
  const call = createCall({ ...shape, m: 1, n: 1, k: 2 });
  // −(1 + 2⁻¹¹) + (1 + 2⁻¹²)², of which the square is 1 + 2⁻¹¹ + 2⁻²⁴
  const [{ a, aOffset, b, bOffset }] = call.products;
  a.set([-(1 + 2 ** -11), 1 + 2 ** -12], aOffset);
  b.set([1, 1 + 2 ** -12], bOffset);
  createGemm(memory, 0, compiled.module)(call);
  assert.equal(call.c[call.cOffset], compiled.multiplyAdd === "fused" ? 2 ** -24 : 0);
});

Deno.test("GEMM_ROWS is a multiple of the register tile's rows", () => {
  assert.equal(GEMM_ROWS % TILE_ROWS, 0);
});

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
}
