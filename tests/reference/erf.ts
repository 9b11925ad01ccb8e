/** Beyond this magnitude 1 − |erf(x)| is below 2^-53. */
const SATURATION = 6;

/**
 * The error function in float64, absolute error below 1e-14.
 *
 * Series erf(x) = 2/√π·e^(−x²)·Σ_n 2ⁿ x^(2n+1) / (1·3·5···(2n+1)) (DLMF 7.6.2): all terms have one
 * sign, so nothing cancels.
 */
export function erf(x: number): number {
  if (Math.abs(x) > SATURATION) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}
