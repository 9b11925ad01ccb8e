import { erf } from "./erf.ts";
import { mapNumbers, type Numbers } from "./numbers.ts";

/** Exact GELU (Hendrycks and Gimpel 2016): x·Φ(x) with Φ(x) = (1 + erf(x/√2))/2. */
export function gelu(x: Numbers): Float64Array {
  return mapNumbers(x, (v) => v * normalCdf(v));
}

/** Gradient of {@link gelu}: dY∘(Φ(x) + x·φ(x)). */
export function geluBackward(dY: Numbers, x: Numbers): Float64Array {
  return mapNumbers(
    x,
    (v, i) => dY[i] * (normalCdf(v) + v * Math.exp(-v * v / 2) / Math.sqrt(2 * Math.PI)),
  );
}

function normalCdf(x: number): number {
  return (1 + erf(x / Math.SQRT2)) / 2;
}
