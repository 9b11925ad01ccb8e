import { type Numbers, requireLength } from "./numbers.ts";

/** Batch, tokens and width. */
export interface PoolShape {
  readonly B: number;
  readonly T: number;
  readonly C: number;
}

/** Gradients of {@link pool}. */
export interface PoolGradients {
  /** [B, T, C] */
  readonly dx: Float64Array;
  /** [B, T] */
  readonly dw: Float64Array;
}

/**
 * Weighted sum over tokens: x [B, T, C], w [B, T] → [B, C]. Mean pooling has w = mask/Σmask; first
 * and last pooling have
 * a single 1 in each row.
 */
export function pool(x: Numbers, w: Numbers, { B, T, C }: PoolShape): Float64Array {
  requireLength("x", x, B * T * C);
  requireLength("w", w, B * T);
  const y = new Float64Array(B * C);
  for (let row = 0; row < B * T; row++) {
    const b = Math.floor(row / T);
    for (let c = 0; c < C; c++) y[b * C + c] += w[row] * x[row * C + c];
  }
  return y;
}

/** Gradients of {@link pool} for dY [B, C]. */
export function poolBackward(
  dY: Numbers,
  x: Numbers,
  w: Numbers,
  { B, T, C }: PoolShape,
): PoolGradients {
  requireLength("dY", dY, B * C);
  requireLength("x", x, B * T * C);
  requireLength("w", w, B * T);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  for (let row = 0; row < B * T; row++) {
    const b = Math.floor(row / T);
    for (let c = 0; c < C; c++) {
      dx[row * C + c] = w[row] * dY[b * C + c];
      dw[row] += x[row * C + c] * dY[b * C + c];
    }
  }
  return { dx, dw };
}
