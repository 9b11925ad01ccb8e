/**
 * A method against another over the seeds both have been run with.
 *
 * Accuracies compare by their difference. Losses, and rounds and bytes to a target, compare by their ratio, whose logarithm the interval is computed of;
 * a run that never reached its target still says how many went by without, and so bounds the ratio of its pair.
 *
 * @module
 */

import type { Reading } from "./measures.ts";
import { type Interval, mean, meanInterval, meanTest } from "./statistics.ts";

/** The two runs of one seed. */
export interface Pair {
  /** Their seed. */
  readonly seed: number;
  /** method − than, or than / method for what counts to a target: larger is better for the method. */
  readonly effect: number;
  /** "at least" where only `than` never reached its target, "at most" where only the method did not. */
  readonly bound: "exact" | "at least" | "at most";
}

/** A method against another. */
export interface Comparison {
  /** How effects read. */
  readonly scale: "difference" | "ratio";
  /** The common seeds with an effect, in order. Bounds stand in the mean and the interval with their own value. */
  readonly pairs: readonly Pair[];
  /** Common seeds whose effect is not known: neither run reached the target, or one of them sent nothing. */
  readonly unknown: readonly number[];
  /** Mean of the effects; of ratios the geometric one. Absent without pairs. */
  readonly mean?: number;
  /** 95 % interval of the mean effect; absent with fewer than two pairs. */
  readonly interval?: Interval;
}

/** Readings of one method by seed. */
export type Readings = ReadonlyMap<number, Reading>;

/** Compares accuracies: method − than. */
export function compareAccuracies(method: Readings, than: Readings): Comparison {
  const pairs = commonSeeds(method, than).map((seed): Pair => ({
    seed,
    effect: method.get(seed)!.value - than.get(seed)!.value,
    bound: "exact",
  }));
  return { scale: "difference", pairs, unknown: [], ...estimate("difference", pairs) };
}

/** Compares what a target takes: than / method. */
export function compareCounts(method: Readings, than: Readings): Comparison {
  const seeds = commonSeeds(method, than);
  const pairs = seeds.flatMap((seed): Pair[] => {
    const [one, other] = [method.get(seed)!, than.get(seed)!];
    if (!one.reached && !other.reached) return [];
    if (one.value <= 0 || other.value <= 0) return [];
    const bound = !other.reached ? "at least" : !one.reached ? "at most" : "exact";
    return [{ seed, effect: other.value / one.value, bound }];
  });
  const known = new Set(pairs.map(({ seed }) => seed));
  return {
    scale: "ratio",
    pairs,
    unknown: seeds.filter((seed) => !known.has(seed)),
    ...estimate("ratio", pairs),
  };
}

/**
 * Two-sided p of the mean effect being `margin`.
 *
 * @returns undefined with fewer than two pairs
 */
export function comparisonTest(comparison: Comparison, margin: number): number | undefined {
  if (comparison.pairs.length < 2) return undefined;
  const { to } = scales[comparison.scale];
  return meanTest(comparison.pairs.map(({ effect }) => to(effect)), to(margin));
}

/** A comparison of counts from the other side: method / than, the share of the rival's count that the method needs. */
export function inverted({ pairs, mean, interval, ...rest }: Comparison): Comparison {
  return {
    ...rest,
    pairs: pairs.map(({ seed, effect, bound }) => ({
      seed,
      effect: 1 / effect,
      bound: oppositeBounds[bound],
    })),
    ...(mean !== undefined && { mean: 1 / mean }),
    ...(interval !== undefined && { interval: [1 / interval[1], 1 / interval[0]] as const }),
  };
}

const oppositeBounds = { "exact": "exact", "at least": "at most", "at most": "at least" } as const;

/** The effect of no difference. */
export function noEffect(scale: Comparison["scale"]): number {
  return scale === "ratio" ? 1 : 0;
}

const same = (value: number): number => value;
const scales = {
  difference: { to: same, from: same },
  ratio: { to: Math.log, from: Math.exp },
} as const;

function estimate(
  scale: Comparison["scale"],
  pairs: readonly Pair[],
): Pick<Comparison, "mean" | "interval"> {
  if (pairs.length === 0) return {};
  const { to, from } = scales[scale];
  const effects = pairs.map(({ effect }) => to(effect));
  const centre = from(mean(effects));
  if (pairs.length === 1) return { mean: centre };
  const [low, high] = meanInterval(effects);
  return { mean: centre, interval: [from(low), from(high)] };
}

function commonSeeds(method: Readings, than: Readings): number[] {
  return [...method.keys()].filter((seed) => than.has(seed)).sort((one, other) => one - other);
}
