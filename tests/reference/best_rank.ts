/** A dense matrix in double precision, [rows][columns]. */
export type Dense = readonly (readonly number[])[];

/**
 * The best approximation of rank `rank` of a dense matrix, and all its singular values in descending order, by one-sided Jacobi rotations
 * (Hestenes 1958): pairs of columns are turned until all are orthogonal; their lengths are the singular values then.
 */
export function bestRank(
  matrix: Dense,
  rank: number,
): { readonly matrix: Dense; readonly values: readonly number[] } {
  const rows = matrix.length, columns = matrix[0].length;
  const u = Array.from({ length: columns }, (_, j) => matrix.map((row) => row[j]));
  const v = u.map((_, j) => u.map((_, i) => i === j ? 1 : 0));
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * y[i], 0);
  // Of columns that are zero but for rounding no more can be asked.
  const negligible = 1e-30 * u.reduce((sum, column) => sum + dot(column, column), 0);
  for (let sweep = 0, turned = true; turned; sweep++) {
    if (sweep === 100) throw new Error("Jacobi rotations did not converge");
    turned = false;
    for (let p = 0; p < columns; p++) {
      for (let q = p + 1; q < columns; q++) {
        const pp = dot(u[p], u[p]), qq = dot(u[q], u[q]), pq = dot(u[p], u[q]);
        if (Math.abs(pq) <= 1e-15 * Math.sqrt(pp * qq) + negligible) continue;
        turned = true;
        const angle = Math.atan2(2 * pq, pp - qq) / 2;
        const c = Math.cos(angle), s = Math.sin(angle);
        for (const vectors of [u, v]) {
          const x = vectors[p], y = vectors[q];
          vectors[p] = x.map((value, i) => c * value + s * y[i]);
          vectors[q] = x.map((value, i) => c * y[i] - s * value);
        }
      }
    }
  }
  const order = u.map((_, j) => j).sort((x, y) => dot(u[y], u[y]) - dot(u[x], u[x]));
  const kept = order.slice(0, rank);
  return {
    matrix: Array.from({ length: rows }, (_, row) =>
      Array.from(
        { length: columns },
        (_, column) => kept.reduce((sum, j) => sum + u[j][row] * v[j][column], 0),
      )),
    values: order.map((j) => Math.sqrt(dot(u[j], u[j]))).slice(0, Math.min(rows, columns)),
  };
}
