import { type Numbers, requireLength } from "./numbers.ts";

/** Rows and width of a normalized tensor. */
export interface NormShape {
  readonly N: number;
  readonly C: number;
}

/** Gradients of layer normalization. */
export interface LayerNormGradients {
  /** [N, C] */
  readonly dx: Float64Array;
  /** [C] */
  readonly dgamma: Float64Array;
  /** [C] */
  readonly dbeta: Float64Array;
}

/**
 * gamma·(x − mean)/√(variance + eps) + beta over each row of x [N, C], with the biased variance
 * (Ba et al. 2016).
 */
export function layerNorm(
  x: Numbers,
  gamma: Numbers,
  beta: Numbers,
  { N, C }: NormShape,
  eps: number,
): Float64Array {
  requireLength("x", x, N * C);
  requireLength("gamma", gamma, C);
  requireLength("beta", beta, C);
  const y = new Float64Array(N * C);
  for (let n = 0; n < N; n++) {
    const { mean, rstd } = rowStatistics(x, n, C, eps);
    for (let c = 0; c < C; c++) {
      y[n * C + c] = gamma[c] * (x[n * C + c] - mean) * rstd + beta[c];
    }
  }
  return y;
}

/**
 * Gradients of {@link layerNorm} for dY [N, C]. With x̂ = (x − mean)·rstd and g = dY∘gamma:
 * dx = rstd·(g − mean(g) − x̂·mean(g∘x̂)), dgamma = Σ_n dY∘x̂, dbeta = Σ_n dY.
 */
export function layerNormBackward(
  dY: Numbers,
  x: Numbers,
  gamma: Numbers,
  { N, C }: NormShape,
  eps: number,
): LayerNormGradients {
  requireLength("dY", dY, N * C);
  requireLength("x", x, N * C);
  requireLength("gamma", gamma, C);
  const dx = new Float64Array(N * C);
  const dgamma = new Float64Array(C);
  const dbeta = new Float64Array(C);
  for (let n = 0; n < N; n++) {
    const { mean, rstd } = rowStatistics(x, n, C, eps);
    let meanG = 0;
    let meanGx = 0;
    for (let c = 0; c < C; c++) {
      const d = dY[n * C + c];
      const normalized = (x[n * C + c] - mean) * rstd;
      dgamma[c] += d * normalized;
      dbeta[c] += d;
      meanG += d * gamma[c] / C;
      meanGx += d * gamma[c] * normalized / C;
    }
    for (let c = 0; c < C; c++) {
      const normalized = (x[n * C + c] - mean) * rstd;
      dx[n * C + c] = rstd * (dY[n * C + c] * gamma[c] - meanG - normalized * meanGx);
    }
  }
  return { dx, dgamma, dbeta };
}

function rowStatistics(
  x: Numbers,
  n: number,
  C: number,
  eps: number,
): { mean: number; rstd: number } {
  let mean = 0;
  for (let c = 0; c < C; c++) mean += x[n * C + c] / C;
  let variance = 0;
  for (let c = 0; c < C; c++) variance += (x[n * C + c] - mean) ** 2 / C;
  return { mean, rstd: 1 / Math.sqrt(variance + eps) };
}
