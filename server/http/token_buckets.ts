/**
 * Token buckets by key: a burst at once, a steady rate in the long run.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import type { BucketLimits } from "./limits.ts";

/** Buckets by key; a key never seen has a full one. */
export interface TokenBuckets {
  /** Takes a token. @returns 0, or where there is none, the seconds until there is. */
  take(key: string): number;
  /** What {@linkcode take} would return, without taking anything. */
  wait(key: string): number;
}

/** Buckets that are remembered at most; above, those forgotten first are the ones untouched for longest. */
const mostKeys = 50_000;

/** Makes buckets that are all full. */
export function createTokenBuckets(
  { burst, perSecond }: BucketLimits,
  clock: Pick<Clock, "now">,
): TokenBuckets {
  if (!(burst >= 1 && perSecond > 0)) {
    throw new RangeError(
      `Cannot make a token bucket: expected a burst of at least 1 and a rate above 0, got ${burst} and ${perSecond}`,
    );
  }
  // In the order of their last use, oldest first.
  const buckets = new Map<string, { tokens: number; at: number }>();

  function filled(key: string): number {
    const bucket = buckets.get(key);
    if (bucket === undefined) return burst;
    const seconds = Math.max(0, clock.now() - bucket.at) / 1000;
    return Math.min(burst, bucket.tokens + seconds * perSecond);
  }

  const secondsUntilOne = (tokens: number) => tokens >= 1 ? 0 : (1 - tokens) / perSecond;

  return {
    take(key) {
      const tokens = filled(key);
      const wait = secondsUntilOne(tokens);
      buckets.delete(key);
      buckets.set(key, { tokens: wait === 0 ? tokens - 1 : tokens, at: clock.now() });
      if (buckets.size > mostKeys) buckets.delete(buckets.keys().next().value!);
      return wait;
    },
    wait: (key) => secondsUntilOne(filled(key)),
  };
}
