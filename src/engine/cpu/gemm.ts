/** Matrix products for the CPU device: the one inner loop everything heavy goes through. @module */

/** A product A[m, k] · B[k, n] by any strides, counted in elements. */
export interface GemmProduct {
  /** Columns of A, rows of B: the axis that is summed over. */
  readonly k: number;
  readonly a: Float32Array;
  /** Position of A[0, 0]; likewise below. */
  readonly aOffset: number;
  /** Elements from one row of A to the next; likewise below. */
  readonly aRow: number;
  /** Elements from one column of A to the next; likewise below. */
  readonly aColumn: number;
  /** Halves are multiplied as the floats that they stand for, and bytes as those times their scales. */
  readonly b: Float32Array | Float16Array | Int8Array;
  /** There with bytes, and with nothing else. */
  readonly bScales?: GemmScales;
  readonly bOffset: number;
  readonly bRow: number;
  readonly bColumn: number;
  /** What the product is multiplied by. */
  readonly factor: number;
}

/** Factors of B's columns, or of its rows, the steps of k; they lie side by side. */
export interface GemmScales {
  readonly view: Float32Array;
  /** Position of the first. */
  readonly offset: number;
  readonly along: "columns" | "steps";
}

/** A matrix whose columns lie side by side. */
export interface GemmAddend {
  readonly view: Float32Array;
  /** Position of its first element. */
  readonly offset: number;
  /** Elements from one row to the next. */
  readonly row: number;
}

/**
 * C[m, n] = Σ factor · A · B over the products, plus a bias and an addend. Only rows [rowBegin, rowEnd) are computed.
 *
 * What an element comes out as depends on k and on its row of A and column of B alone: not on the range of rows, and not on n, so that a product may
 * as well be cut by columns (with offsets into B and C). C must not overlap A or B; columns of C lie side by side.
 */
export interface GemmCall {
  /** At least one. They are summed as if their k were one axis. */
  readonly products: readonly GemmProduct[];
  /** Columns of B and C. */
  readonly n: number;
  readonly rowBegin: number;
  readonly rowEnd: number;
  /** [n], added to every row. */
  readonly bias?: Omit<GemmAddend, "row">;
  /** [m, n]; may be C itself. */
  readonly addend?: GemmAddend;
  readonly c: Float32Array;
  readonly cOffset: number;
  readonly cRow: number;
}

/** A matrix product routine; see {@linkcode GemmCall}. */
export type Gemm = (call: GemmCall) => void;

/** Rows of a product that form one unit of work: a multiple of every micro-kernel's height. */
export const GEMM_ROWS = 5;
/** Columns of one, where a product is wider than high: a multiple of every micro-kernel's width, and a cache line. */
export const GEMM_COLUMNS = 16;
