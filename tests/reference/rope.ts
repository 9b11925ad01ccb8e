import { type Numbers, requireLength } from "./numbers.ts";

/** Batch, tokens, heads and (even) head size. */
export interface RopeShape {
  readonly B: number;
  readonly T: number;
  readonly H: number;
  readonly D: number;
}

/**
 * Rotary position embedding (Su et al. 2021) in Hugging Face Llama's half-rotation layout: x [B,
 * T, H, D], x1 = x[..., :D/2],
 * x2 = x[..., D/2:], out = [x1·cos − x2·sin, x2·cos + x1·sin], angle = t·theta^(−2i/D) for i in
 * 0..D/2−1.
 */
export function rope(x: Numbers, shape: RopeShape, theta: number): Float64Array {
  return rotate(x, shape, theta, 1);
}

/** Gradient of {@link rope} for dY [B, T, H, D]: the rotation by the opposite angle. */
export function ropeBackward(dY: Numbers, shape: RopeShape, theta: number): Float64Array {
  return rotate(dY, shape, theta, -1);
}

function rotate(
  x: Numbers,
  { B, T, H, D }: RopeShape,
  theta: number,
  direction: 1 | -1,
): Float64Array {
  requireLength("x", x, B * T * H * D);
  if (D % 2 !== 0) {
    throw new RangeError(`Cannot rotate head size ${D}: expected an even number`);
  }
  const y = new Float64Array(x.length);
  const half = D / 2;
  for (let row = 0; row < B * T * H; row++) {
    const t = Math.floor(row / H) % T;
    for (let i = 0; i < half; i++) {
      const angle = direction * t * theta ** (-2 * i / D);
      const first = row * D + i;
      const second = first + half;
      y[first] = x[first] * Math.cos(angle) - x[second] * Math.sin(angle);
      y[second] = x[second] * Math.cos(angle) + x[first] * Math.sin(angle);
    }
  }
  return y;
}
