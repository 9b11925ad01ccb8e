import type { NormShape } from "./layer_norm.ts";
import { type Numbers, requireLength } from "./numbers.ts";

/** Gradients of root-mean-square normalization. */
export interface RmsNormGradients {
  /** [N, C] */
  readonly dx: Float64Array;
  /** [C] */
  readonly dgamma: Float64Array;
}

/** gamma·x/√(mean(x²) + eps) over each row of x [N, C] (Zhang and Sennrich 2019). */
export function rmsNorm(
  x: Numbers,
  gamma: Numbers,
  { N, C }: NormShape,
  eps: number,
): Float64Array {
  requireLength("x", x, N * C);
  requireLength("gamma", gamma, C);
  const y = new Float64Array(N * C);
  for (let n = 0; n < N; n++) {
    const rstd = reciprocalRms(x, n, C, eps);
    for (let c = 0; c < C; c++) y[n * C + c] = gamma[c] * x[n * C + c] * rstd;
  }
  return y;
}

/**
 * Gradients of {@link rmsNorm} for dY [N, C]. With x̂ = x·rstd and g = dY∘gamma:
 * dx = rstd·(g − x̂·mean(g∘x̂)), dgamma = Σ_n dY∘x̂.
 */
export function rmsNormBackward(
  dY: Numbers,
  x: Numbers,
  gamma: Numbers,
  { N, C }: NormShape,
  eps: number,
): RmsNormGradients {
  requireLength("dY", dY, N * C);
  requireLength("x", x, N * C);
  requireLength("gamma", gamma, C);
  const dx = new Float64Array(N * C);
  const dgamma = new Float64Array(C);
  for (let n = 0; n < N; n++) {
    const rstd = reciprocalRms(x, n, C, eps);
    let meanGx = 0;
    for (let c = 0; c < C; c++) {
      const normalized = x[n * C + c] * rstd;
      dgamma[c] += dY[n * C + c] * normalized;
      meanGx += dY[n * C + c] * gamma[c] * normalized / C;
    }
    for (let c = 0; c < C; c++) {
      dx[n * C + c] = rstd * (dY[n * C + c] * gamma[c] - x[n * C + c] * rstd * meanGx);
    }
  }
  return { dx, dgamma };
}

function reciprocalRms(x: Numbers, n: number, C: number, eps: number): number {
  let meanSquare = 0;
  for (let c = 0; c < C; c++) meanSquare += x[n * C + c] ** 2 / C;
  return 1 / Math.sqrt(meanSquare + eps);
}
