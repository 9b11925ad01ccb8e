import { type Numbers, requireLength } from "./numbers.ts";

/** Rows and columns of a third. */
export interface ThirdsShape {
  readonly N: number;
  readonly W: number;
}

/** Columns part·W to (part + 1)·W of x [N, 3W], as [N, W]. */
export function third(x: Numbers, part: number, { N, W }: ThirdsShape): Float64Array {
  requireLength("x", x, 3 * N * W);
  return Float64Array.from({ length: N * W }, (_, i) => {
    const n = Math.floor(i / W), c = i % W;
    return x[n * 3 * W + part * W + c];
  });
}

/** [N, 3W] with parts [N, W] side by side; undefined is zeros. */
export function joined(
  parts: readonly (Numbers | undefined)[],
  { N, W }: ThirdsShape,
): Float64Array {
  return Float64Array.from({ length: 3 * N * W }, (_, i) => {
    const n = Math.floor(i / (3 * W)), column = i % (3 * W);
    const part = parts[Math.floor(column / W)];
    return part === undefined ? 0 : part[n * W + column % W];
  });
}
