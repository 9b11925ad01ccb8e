/** Products of a matrix and one vector in plain TypeScript, for runtimes without WebAssembly SIMD and as an independent check of the WebAssembly ones. @module */

import type { MatvecFunctions } from "./matvec.ts";

/** Products over any views, summed in float64 and rounded once. */
export const plainMatvec: MatvecFunctions = {
  dot(call, begin, end) {
    const { matrix, vector, vectorOffset, columns, scales, factor, addend, y, yOffset } = call;
    for (let row = begin; row < end; row++) {
      const start = call.matrixOffset + row * call.matrixRow;
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += matrix[start + c] * vector[vectorOffset + c];
      const scaled = factor * (scales?.[row] ?? 1) * sum;
      y[yOffset + row] = addend ? scaled + addend.view[addend.offset + row] : scaled;
    }
  },
  sumRows({ matrix, matrixOffset, matrixRow, rows, columns, weights, weightsOffset, y, yOffset }) {
    for (let c = 0; c < columns; c++) {
      let sum = 0;
      for (let row = 0; row < rows; row++) {
        sum += weights[weightsOffset + row] * matrix[matrixOffset + row * matrixRow + c];
      }
      y[yOffset + c] = sum;
    }
  },
  softmax(x, offset, count) {
    let highest = -Infinity;
    for (let i = offset; i < offset + count; i++) highest = Math.max(highest, x[i]);
    let sum = 0;
    for (let i = offset; i < offset + count; i++) sum += Math.exp(x[i] - highest);
    for (let i = offset; i < offset + count; i++) x[i] = Math.exp(x[i] - highest) / sum;
  },
};
