/**
 * The Frobenius norm of B·A without the product: ‖BA‖² = tr(BᵀB·AAᵀ), of which both factors are n × n.
 *
 * @param a [n, inFeatures].
 * @param b [outFeatures, n].
 * @param count n.
 *
 * @example
 * ```ts
 * import { productNorm } from "./product_norm.ts";
 * const norm = productNorm(new Float32Array([3, 4]), new Float32Array([2, 0]), 1); // b = [2, 0]ᵀ, a = [3, 4]
 * if (norm !== 10) throw new Error("unreachable");
 * ```
 */
export function productNorm(a: Float32Array, b: Float32Array, count: number): number {
  const inFeatures = a.length / count, outFeatures = b.length / count;
  let squared = 0;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k <= i; k++) {
      let ofA = 0;
      for (let j = 0; j < inFeatures; j++) ofA += a[i * inFeatures + j] * a[k * inFeatures + j];
      let ofB = 0;
      for (let j = 0; j < outFeatures; j++) ofB += b[j * count + i] * b[j * count + k];
      squared += (i === k ? 1 : 2) * ofA * ofB;
    }
  }
  // Rounding can leave a little less than nothing of components that cancel.
  return Math.sqrt(Math.max(0, squared));
}
