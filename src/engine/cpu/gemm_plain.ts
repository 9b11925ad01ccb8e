/** Matrix products in plain TypeScript, for runtimes without WebAssembly SIMD and as an independent check of the WebAssembly one. @module */

import type { Gemm, GemmScales } from "./gemm.ts";

/** A product routine over any views. Each element is summed in float64 in order of k and rounded once. */
export function createPlainGemm(): Gemm {
  let sums = new Float64Array(0);
  return ({ products, n, rowBegin, rowEnd, bias, addend, c, cOffset, cRow }) => {
    if (sums.length < n) sums = new Float64Array(n);
    for (let row = rowBegin; row < rowEnd; row++) {
      sums.fill(0, 0, n);
      for (const product of products) {
        const { k, a, aOffset, aRow, aColumn, b, bScales, bOffset, bRow, bColumn } = product;
        for (let step = 0; step < k; step++) {
          const scaled = product.factor * a[aOffset + row * aRow + step * aColumn];
          let source = bOffset + step * bRow;
          for (let column = 0; column < n; column++) {
            const factor = bScales ? scaled * scaleAt(bScales, step, column) : scaled;
            sums[column] += factor * b[source];
            source += bColumn;
          }
        }
      }
      for (let column = 0; column < n; column++) {
        if (bias) sums[column] += bias.view[bias.offset + column];
        if (addend) sums[column] += addend.view[addend.offset + row * addend.row + column];
        c[cOffset + row * cRow + column] = sums[column];
      }
    }
  };
}

function scaleAt({ view, offset, along }: GemmScales, step: number, column: number): number {
  return view[offset + (along === "columns" ? column : step)];
}
