import assert from "node:assert/strict";
import type { DotCall, MatvecFunctions } from "../../../src/engine/cpu/matvec.ts";
import { matvecModule } from "../../../src/engine/cpu/matvec_kernel.ts";
import { plainMatvec } from "../../../src/engine/cpu/matvec_plain.ts";
import { createMatvec } from "../../../src/engine/cpu/matvec_wasm.ts";
import { assertClose } from "../../reference/compare.ts";
import { bitsOf, createHeap, memory } from "./vector_testing.ts";

/** Registers a test a variant: WebAssembly by its rounding, and plain TypeScript. */
function onEveryVariant(title: string, body: (matvec: MatvecFunctions) => void): void {
  for (const [fused, name] of [[true, "fused"], [false, "separate"]] as const) {
    const bytes = matvecModule(fused);
    Deno.test({
      name: `${title} (WebAssembly, ${name})`,
      ignore: !WebAssembly.validate(bytes),
      fn: () => body(createMatvec(memory, new WebAssembly.Module(bytes))),
    });
  }
  Deno.test(`${title} (plain)`, () => body(plainMatvec));
}

const TOLERANCE = 3e-6;
/** Rows and columns: steps of 16 and 8 columns, rests, groups of four rows and fewer. */
const shapes = [[1, 1], [2, 3], [3, 8], [4, 16], [5, 17], [6, 31], [7, 40], [9, 129], [21, 64]];
const factors = [1, -0.5];

type Stored = "f32" | "f16" | "int8";

/** A matrix by a type, at an odd place of the heap and with a gap between rows, over what it stands for. */
function matrixOf(stored: Stored, values: Float32Array): DotCall["matrix"] {
  switch (stored) {
    case "f32":
      return values;
    case "f16": {
      const halves = new Float16Array(values.buffer, values.byteOffset, values.length);
      halves.set(values.slice());
      return halves;
    }
    case "int8": {
      const bytes = new Int8Array(values.buffer, values.byteOffset, values.length);
      bytes.set(Int8Array.from(values.slice(), (value) => Math.round(40 * value)));
      return bytes;
    }
  }
}

for (const stored of ["f32", "f16", "int8"] as const) {
  onEveryVariant(`dot() of ${stored} equals its float64 definition at every shape`, (matvec) => {
    for (const [rows, columns] of shapes) {
      for (const factor of factors) {
        const heap = createHeap(rows % 4);
        const matrixRow = columns + 3;
        const matrix = matrixOf(stored, heap.take(2 + rows * matrixRow));
        const scales = stored === "int8" ? heap.take(rows) : undefined;
        const vector = heap.take(1 + columns), addend = heap.take(2 + rows);
        const [whole, parts, itself] = [heap.take(1 + rows), heap.take(1 + rows), heap.take(rows)];
        const call = {
          ...{ matrix, matrixOffset: 2, matrixRow, columns, ...(scales && { scales }) },
          ...{ vector, vectorOffset: 1, factor, yOffset: 1 },
        };
        const products = Float64Array.from({ length: rows }, (_, i) => {
          let sum = 0;
          for (let c = 0; c < columns; c++) sum += matrix[2 + i * matrixRow + c] * vector[1 + c];
          return factor * (scales?.[i] ?? 1) * sum;
        });
        const what = `${rows}×${columns} factor ${factor}`;
        matvec.dot({ ...call, y: whole }, 0, rows);
        assertClose(whole.subarray(1), products, TOLERANCE, what);

        const added = { view: addend, offset: 2 };
        const sums = products.map((value, i) => value + addend[2 + i]);
        matvec.dot({ ...call, y: whole, addend: added }, 0, rows);
        assertClose(whole.subarray(1), sums, TOLERANCE, `${what} plus an addend`);
        // A row comes out alike in whatever range it is computed.
        for (let row = 0; row < rows; row++) {
          matvec.dot({ ...call, y: parts, addend: added }, row, row + 1);
        }
        assert.deepEqual(bitsOf(parts.subarray(1)), bitsOf(whole.subarray(1)), what);

        itself.set(addend.subarray(2));
        matvec.dot(
          { ...call, y: itself, yOffset: 0, addend: { view: itself, offset: 0 } },
          0,
          rows,
        );
        assert.deepEqual(bitsOf(itself), bitsOf(whole.subarray(1)), `${what} onto itself`);
        heap.check();
      }
    }
  });
}

onEveryVariant("sumRows() equals its float64 definition at every shape", (matvec) => {
  for (const [rows, columns] of [...shapes, [5, 32], [40, 71], [1, 100]]) {
    const heap = createHeap(columns % 4);
    const matrixRow = columns + 5;
    const matrix = heap.take(3 + rows * matrixRow), weights = heap.take(2 + rows);
    const y = heap.take(1 + columns);
    const expected = Float64Array.from({ length: columns }, (_, c) => {
      let sum = 0;
      for (let i = 0; i < rows; i++) sum += weights[2 + i] * matrix[3 + i * matrixRow + c];
      return sum;
    });
    matvec.sumRows({
      ...{ matrix, matrixOffset: 3, matrixRow, rows, columns },
      ...{ weights, weightsOffset: 2, y, yOffset: 1 },
    });
    assertClose(y.subarray(1), expected, TOLERANCE, `${rows}×${columns}`);
    heap.check();
  }
});

onEveryVariant("softmax() equals its float64 definition, of large numbers too", (matvec) => {
  for (const count of [1, 2, 3, 4, 5, 63, 64, 130]) {
    for (const size of [1, 1e4]) {
      const heap = createHeap(count % 4);
      const x = heap.take(Array.from({ length: count }, (_, i) => size * Math.sin(7 * i)));
      const highest = Math.max(...x);
      const weights = Float64Array.from(x, (value) => Math.exp(value - highest));
      const sum = weights.reduce((one, other) => one + other);
      matvec.softmax(x, 0, count);
      assertClose(x, weights.map((weight) => weight / sum), TOLERANCE, `${count} of ${size}`);
      heap.check();
    }
  }
});
