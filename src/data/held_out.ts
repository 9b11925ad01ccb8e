import { randomStream } from "../protocol/random.ts";

/** What was drawn and what stayed, both in their old order. */
export interface HeldOut<T> {
  readonly kept: readonly T[];
  readonly drawn: readonly T[];
}

/**
 * Draws `count` items at random, the same ones for the same seed and purpose.
 *
 * @param purpose Keys the random stream, so that drawing test posts never shifts the validation posts.
 */
export function drawHeldOut<T>(
  items: readonly T[],
  count: number,
  seed: number,
  purpose: string,
): HeldOut<T> {
  const order = randomStream(seed, "held out", purpose).shuffle(Array.from(items, (_, i) => i));
  const chosen = new Set(order.slice(0, count));
  return {
    kept: items.filter((_, i) => !chosen.has(i)),
    drawn: items.filter((_, i) => chosen.has(i)),
  };
}

/**
 * How many of `total` items a share means: rounded down, but at least one where the share is above 0 and another
 * item is left to train on.
 *
 * @throws {RangeError} where the share lies outside [0, 1).
 */
export function heldOutCount(total: number, share: number): number {
  if (!(share >= 0 && share < 1)) {
    throw new RangeError(`Cannot hold out a share of ${share}: expected at least 0 and below 1`);
  }
  if (share === 0 || total < 2) return 0;
  return Math.max(1, Math.floor(total * share));
}

/** Validation posts where no share is given: a tenth of the training posts, at most `most`. */
export function defaultValidationCount(total: number, most = 1000): number {
  return Math.min(most, heldOutCount(total, 0.1));
}
