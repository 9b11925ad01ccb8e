/** A matrix Σ_n b_n a_nᵀ as the terms of its sum, which for a few of them is much smaller than the matrix. */
export interface RankOneSum {
  /** Adds b·aᵀ; keeps both. */
  add(b: Float64Array, a: Float64Array): void;
  /** The b_n, each [rows]; ordered as `right`. */
  readonly left: readonly Float64Array[];
  /** The a_n, each [columns]. */
  readonly right: readonly Float64Array[];
}

/**
 * Starts a sum. With twice as many terms as the matrix has rows or columns it is written anew with as many, so its size does not grow for ever.
 *
 * @param rows of the matrix.
 * @param columns of the matrix.
 */
export function startRankOneSum(rows: number, columns: number): RankOneSum {
  const narrow = Math.min(rows, columns);
  let left: Float64Array[] = [], right: Float64Array[] = [];
  return {
    add(b, a) {
      left.push(b);
      right.push(a);
      if (left.length < 2 * narrow) return;
      if (rows === narrow) [left, right] = [unitVectors(rows), combinations(right, left, rows)];
      else [left, right] = [combinations(left, right, columns), unitVectors(columns)];
    },
    get left() {
      return left;
    },
    get right() {
      return right;
    },
  };
}

/** For each of `count` entries: Σ_n weights[n][entry] · vectors[n]. */
function combinations(
  vectors: readonly Float64Array[],
  weights: readonly Float64Array[],
  count: number,
): Float64Array[] {
  return Array.from({ length: count }, (_, entry) => {
    const sum = new Float64Array(vectors[0].length);
    vectors.forEach((vector, n) => {
      const weight = weights[n][entry];
      if (weight !== 0) vector.forEach((value, at) => sum[at] += weight * value);
    });
    return sum;
  });
}

function unitVectors(size: number): Float64Array[] {
  return Array.from({ length: size }, (_, i) => {
    const unit = new Float64Array(size);
    unit[i] = 1;
    return unit;
  });
}
