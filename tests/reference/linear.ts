import { type Numbers, requireLength } from "./numbers.ts";

/** Rows, inputs and outputs of a linear layer. */
export interface LinearShape {
  readonly N: number;
  readonly K: number;
  readonly M: number;
}

/** Gradients of a linear layer. */
export interface LinearGradients {
  /** [N, K] */
  readonly dx: Float64Array;
  /** [M, K] */
  readonly dw: Float64Array;
  /** [M] */
  readonly dbias: Float64Array;
}

/** x·Wᵀ + bias: x [N, K], w [M, K], bias [M] or none → [N, M]. */
export function linear(
  x: Numbers,
  w: Numbers,
  bias: Numbers | undefined,
  { N, K, M }: LinearShape,
): Float64Array {
  requireLength("x", x, N * K);
  requireLength("w", w, M * K);
  if (bias) requireLength("bias", bias, M);
  const y = new Float64Array(N * M);
  for (let n = 0; n < N; n++) {
    for (let m = 0; m < M; m++) {
      let sum = bias ? bias[m] : 0;
      for (let k = 0; k < K; k++) sum += x[n * K + k] * w[m * K + k];
      y[n * M + m] = sum;
    }
  }
  return y;
}

/** Gradients of {@link linear} for dY [N, M]: dx = dY·W, dw = dYᵀ·x, dbias = Σ_n dY. */
export function linearBackward(
  dY: Numbers,
  x: Numbers,
  w: Numbers,
  { N, K, M }: LinearShape,
): LinearGradients {
  requireLength("dY", dY, N * M);
  requireLength("x", x, N * K);
  requireLength("w", w, M * K);
  const dx = new Float64Array(N * K);
  const dw = new Float64Array(M * K);
  const dbias = new Float64Array(M);
  for (let n = 0; n < N; n++) {
    for (let m = 0; m < M; m++) {
      const g = dY[n * M + m];
      dbias[m] += g;
      for (let k = 0; k < K; k++) {
        dx[n * K + k] += g * w[m * K + k];
        dw[m * K + k] += g * x[n * K + k];
      }
    }
  }
  return { dx, dw, dbias };
}
