/**
 * Products of a matrix and one vector for the CPU device: what linear layers and attention of a single token are made of. Each number of the matrix is read
 * once, where it lies; packing it into panels, as gemm.ts does, would cost more than the product.
 *
 * @module
 */

/** y = factor·M·x + addend, for M [rows, columns] by rows. */
export interface DotCall {
  /** Halves are multiplied as the floats that they stand for, and bytes as those times their row's scale. */
  readonly matrix: Float32Array | Float16Array | Int8Array;
  /** Position of M[0, 0]; likewise below. */
  readonly matrixOffset: number;
  /** Elements from one row of M to the next. */
  readonly matrixRow: number;
  readonly columns: number;
  /** [rows], there with bytes and with nothing else. */
  readonly scales?: Float32Array;
  /** [columns] */
  readonly vector: Float32Array;
  readonly vectorOffset: number;
  readonly factor: number;
  /** [rows]; may be y itself, at the same position. */
  readonly addend?: { readonly view: Float32Array; readonly offset: number };
  /** [rows] */
  readonly y: Float32Array;
  readonly yOffset: number;
}

/** y = Σ over the rows i of weights[i]·M[i, :]. */
export interface RowSumCall {
  /** [rows, columns] */
  readonly matrix: Float32Array;
  readonly matrixOffset: number;
  readonly matrixRow: number;
  readonly rows: number;
  readonly columns: number;
  /** [rows] */
  readonly weights: Float32Array;
  readonly weightsOffset: number;
  /** [columns] */
  readonly y: Float32Array;
  readonly yOffset: number;
}

/** What can be done with one vector. Outputs must not overlap inputs unless it is said. */
export interface MatvecFunctions {
  /** Rows [begin, end); what a row comes out as does not depend on the range it came in. */
  dot(call: DotCall, begin: number, end: number): void;
  sumRows(call: RowSumCall): void;
  /** x = softmax(x), over `count` ≥ 1 finite numbers from `offset` on. */
  softmax(x: Float32Array, offset: number, count: number): void;
}
