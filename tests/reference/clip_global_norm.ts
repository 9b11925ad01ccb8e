import { mapNumbers, type Numbers, requireLength } from "./numbers.ts";

/** What {@link clipGlobalNorm} returns. */
export interface ClippedGradients {
  /** Of all trained elements together, before clipping. */
  readonly norm: number;
  /** min(1, maxNorm / (norm + 1e-6)) */
  readonly coefficient: number;
  /** The gradients times the coefficient, in the order given. */
  readonly clipped: Float64Array[];
}

/**
 * Clips by the Euclidean norm over all gradients, as PyTorch's clip_grad_norm_ does.
 *
 * @param trainMasks One mask per gradient: elements with 0 do not count towards the norm.
 */
export function clipGlobalNorm(
  gradients: readonly Numbers[],
  maxNorm: number,
  trainMasks?: readonly Numbers[],
): ClippedGradients {
  let sumOfSquares = 0;
  gradients.forEach((gradient, t) => {
    const mask = trainMasks?.[t];
    if (mask) requireLength("trainMasks", mask, gradient.length);
    for (let i = 0; i < gradient.length; i++) {
      if (!mask || mask[i]) sumOfSquares += gradient[i] ** 2;
    }
  });
  const norm = Math.sqrt(sumOfSquares);
  const coefficient = Math.min(1, maxNorm / (norm + 1e-6));
  const clipped = gradients.map((gradient) => mapNumbers(gradient, (g) => coefficient * g));
  return { norm, coefficient, clipped };
}
