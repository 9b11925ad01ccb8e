/**
 * The singular value decomposition of a matrix that is given as Σ_n b_n a_nᵀ, without the matrix.
 *
 * @module
 */

import type * as MlMatrix from "npm:ml-matrix@6.15.1";
import type { RankOneSum } from "./rank_one_sum.ts";

/** The part of the package ml-matrix that is used; a program that does without it never loads it. */
export type LinearAlgebra = Pick<
  typeof MlMatrix,
  "Matrix" | "QrDecomposition" | "SingularValueDecomposition"
>;

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
  readonly coordinates: MlMatrix.Matrix;
  /** The vector that has these coordinates. */
  toVector(coordinates: readonly number[]): Float64Array;
}

/** Vectors in an orthonormal basis of at most as many; they are their own coordinates when they are more than their dimensions. */
function orthogonalize(
  { Matrix, QrDecomposition }: LinearAlgebra,
  vectors: readonly Float64Array[],
): Orthogonalized {
  const matrix = new Matrix(vectors as Float64Array[]).transpose();
  if (matrix.columns >= matrix.rows) {
    return { coordinates: matrix, toVector: (coordinates) => Float64Array.from(coordinates) };
  }
  const { orthogonalMatrix: basis, upperTriangularMatrix } = new QrDecomposition(matrix);
  return {
    coordinates: upperTriangularMatrix,
    toVector: (coordinates) =>
      Float64Array.from(basis.mmul(Matrix.columnVector([...coordinates])).to1DArray()),
  };
}

function signOf(vector: Float64Array): number {
  let largest = 0;
  for (const entry of vector) if (Math.abs(entry) > Math.abs(largest)) largest = entry;
  return Math.sign(largest);
}
