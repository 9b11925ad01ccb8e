/**
 * A matrix [rows, columns] as [columns, rows].
 *
 * @example
 * ```ts
 * import { transpose } from "./transpose.ts";
 * const turned = transpose(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3);
 * if (turned.join() !== "1,4,2,5,3,6") throw new Error(turned.join());
 * ```
 */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = matrix[row * columns + column];
    }
  }
  return result;
}
