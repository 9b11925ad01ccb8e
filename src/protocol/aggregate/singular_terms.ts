/**
 * The singular value decomposition of a matrix that is given as Σ_n b_n a_nᵀ, without the matrix.
 *
 * @module
 */

import type { RankOneSum } from "./rank_one_sum.ts";

/** The part of a matrix of the package ml-matrix that is used. */
export interface DenseMatrix {
  /** Rows of the matrix. */
  readonly rows: number;
  /** Columns of the matrix. */
  readonly columns: number;
  /** The matrix product. */
  mmul(other: DenseMatrix): DenseMatrix;
  /** The transpose, a copy. */
  transpose(): DenseMatrix;
  /** A column's numbers. */
  getColumn(index: number): number[];
  /** All numbers, row-major. */
  to1DArray(): number[];
}

/**
 * The part of the package ml-matrix that is used; a program that does without it never loads it. Said here, because a type that is imported from
 * the package would bring the package to whoever checks types.
 */
export interface LinearAlgebra {
  /** Makes a matrix of its rows, or of one column. */
  readonly Matrix: {
    new (rows: readonly ArrayLike<number>[]): DenseMatrix;
    columnVector(column: ArrayLike<number>): DenseMatrix;
  };
  /** Q·R of a matrix that has at least as many rows as columns. */
  readonly QrDecomposition: new (matrix: DenseMatrix) => {
    readonly orthogonalMatrix: DenseMatrix;
    readonly upperTriangularMatrix: DenseMatrix;
  };
  /** U·σ·Vᵀ, σ descending. */
  readonly SingularValueDecomposition: new (
    matrix: DenseMatrix,
    options: { readonly autoTranspose: boolean },
  ) => {
    readonly diagonal: number[];
    readonly leftSingularVectors: DenseMatrix;
    readonly rightSingularVectors: DenseMatrix;
  };
}

/** A term σ·u·vᵀ of a singular value decomposition. */
export interface SingularTerm {
  /** σ ≥ 0. */
  readonly value: number;
  /** u, of length 1; its entry of largest magnitude, the first of equals, is positive. */
  readonly left: Float64Array;
  /** v, of length 1. */
  readonly right: Float64Array;
}

/**
 * The `count` terms of largest σ, descending; fewer when the matrix is of lower rank.
 *
 * With [b_1 …] = Q_B R_B and [a_1 …] = Q_A R_A the matrix is Q_B (R_B R_Aᵀ) Q_Aᵀ, and only the small core in brackets is decomposed.
 */
export function singularTerms(
  algebra: LinearAlgebra,
  { left, right }: Pick<RankOneSum, "left" | "right">,
  count: number,
): SingularTerm[] {
  if (left.length === 0) return [];
  const ofLeft = orthogonalize(algebra, left);
  const ofRight = orthogonalize(algebra, right);
  const core = ofLeft.coordinates.mmul(ofRight.coordinates.transpose());
  const svd = new algebra.SingularValueDecomposition(core, { autoTranspose: true });
  const values = svd.diagonal;
  // A matrix of lower rank than its shape has σ of this size from rounding alone.
  const least = values[0] * Number.EPSILON * Math.max(left[0].length, right[0].length);
  return values.slice(0, count).filter((value) => value > least).map((value, i) => {
    const u = ofLeft.toVector(svd.leftSingularVectors.getColumn(i));
    const v = ofRight.toVector(svd.rightSingularVectors.getColumn(i));
    const sign = signOf(u);
    return { value, left: u.map((entry) => sign * entry), right: v.map((entry) => sign * entry) };
  });
}

interface Orthogonalized {
  /** [width, vectors]. */
  readonly coordinates: DenseMatrix;
  /** The vector that has these coordinates. */
  toVector(coordinates: readonly number[]): Float64Array;
}

/** Vectors in an orthonormal basis of at most as many; they are their own coordinates when they are more than their dimensions. */
function orthogonalize(
  { Matrix, QrDecomposition }: LinearAlgebra,
  vectors: readonly Float64Array[],
): Orthogonalized {
  const matrix = new Matrix(vectors).transpose();
  if (matrix.columns >= matrix.rows) {
    return { coordinates: matrix, toVector: (coordinates) => Float64Array.from(coordinates) };
  }
  const { orthogonalMatrix: basis, upperTriangularMatrix } = new QrDecomposition(matrix);
  return {
    coordinates: upperTriangularMatrix,
    toVector: (coordinates) =>
      Float64Array.from(basis.mmul(Matrix.columnVector(coordinates)).to1DArray()),
  };
}

function signOf(vector: Float64Array): number {
  let largest = 0;
  for (const entry of vector) if (Math.abs(entry) > Math.abs(largest)) largest = entry;
  return Math.sign(largest);
}
