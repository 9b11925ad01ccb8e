/** Matrix products in plain TypeScript, for runtimes without WebAssembly SIMD and as an independent check of the WebAssembly one. @module */

import type { Gemm } from "./gemm.ts";

/** A product routine over any views. Each element is summed in float64 in order of k and rounded once. */
export function createPlainGemm(): Gemm {
  let sums = new Float64Array(0);
  return (call) => {
    const { n, k, alpha, a, b, c, aColumn, bRow, bColumn, accumulate } = call;
    if (sums.length < n) sums = new Float64Array(n);
    for (let row = call.rowBegin; row < call.rowEnd; row++) {
      const aStart = call.aOffset + row * call.aRow;
      sums.fill(0, 0, n);
      for (let step = 0; step < k; step++) {
        const factor = a[aStart + step * aColumn];
        let source = call.bOffset + step * bRow;
        for (let column = 0; column < n; column++) {
          sums[column] += factor * b[source];
          source += bColumn;
        }
      }
      const cStart = call.cOffset + row * call.cRow;
      for (let column = 0; column < n; column++) {
        const value = alpha * sums[column];
        c[cStart + column] = accumulate ? c[cStart + column] + value : value;
      }
    }
  };
}
