import { type Numbers, requireLength } from "./numbers.ts";

/** Batch, heads and tokens of attention scores [B, H, T, T]. */
export interface SoftmaxShape {
  readonly B: number;
  readonly H: number;
  readonly T: number;
}

/**
 * Softmax of scale·S over the allowed keys of each row: S [B, H, T, T], mask [B, T] (1 keeps a
 * key) → P [B, H, T, T].
 *
 * Key j is allowed for query i when mask[b, j] = 1 and, if `causal`, j ≤ i. A row without an
 * allowed key is all zeros. With `documents` the mask numbers the document of each token, and key j is allowed where mask[b, j] is mask[b, i] and not 0.
 */
export function maskedSoftmax(
  S: Numbers,
  mask: Numbers,
  { B, H, T }: SoftmaxShape,
  scale: number,
  causal: boolean,
  documents = false,
): Float64Array {
  requireLength("S", S, B * H * T * T);
  requireLength("mask", mask, B * T);
  const P = new Float64Array(S.length);
  for (let row = 0; row < B * H * T; row++) {
    const i = row % T;
    const b = Math.floor(row / (H * T));
    const allowed = (j: number) =>
      documents
        ? mask[b * T + j] > 0 && mask[b * T + j] === mask[b * T + i]
        : mask[b * T + j] === 1;
    const keys = [...Array(T).keys()].filter((j) => allowed(j) && (!causal || j <= i));
    const largest = Math.max(...keys.map((j) => scale * S[row * T + j]));
    let sum = 0;
    for (const j of keys) {
      P[row * T + j] = Math.exp(scale * S[row * T + j] - largest);
      sum += P[row * T + j];
    }
    for (const j of keys) P[row * T + j] /= sum;
  }
  return P;
}

/**
 * Gradient of {@link maskedSoftmax} for dP [B, H, T, T], from its result P: dS = scale·P∘(dP − Σ_j
 * dP∘P).
 * Keys that were not allowed have P = 0, so they get 0.
 */
export function maskedSoftmaxBackward(
  dP: Numbers,
  P: Numbers,
  { B, H, T }: SoftmaxShape,
  scale: number,
): Float64Array {
  requireLength("dP", dP, B * H * T * T);
  requireLength("P", P, B * H * T * T);
  const dS = new Float64Array(P.length);
  for (let row = 0; row < B * H * T; row++) {
    let mean = 0;
    for (let j = 0; j < T; j++) mean += dP[row * T + j] * P[row * T + j];
    for (let j = 0; j < T; j++) {
      dS[row * T + j] = scale * P[row * T + j] * (dP[row * T + j] - mean);
    }
  }
  return dS;
}
