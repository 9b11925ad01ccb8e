/**
 * Which components a client trains: selectors, and the scope over which a budget is spent.
 *
 * Greedy top-k keeps choosing what it already trained, so selection is a function that is passed in and can be studied.
 *
 * @module
 */

import { allComponents } from "./components.ts";
import type { RandomStream } from "./random.ts";

/**
 * Chooses `count` components by their scores (finite, ≥ 0) and returns their indices, ascending. Draws come from `stream` only.
 */
export type Selector = (scores: Float64Array, count: number, stream: RandomStream) => Uint32Array;

/** The selectors' names, in the order users see them. */
export const selectorNames = ["greedy", "random", "sampled", "first"] as const;

/** Stands for {@linkcode greedy}, {@linkcode random}, {@linkcode sampled} at some temperature, or {@linkcode first}. */
export type SelectorName = typeof selectorNames[number];

/** Spends a client's budget of `rank` components per module over all modules; the result is per module, ascending. */
export type ScopedSelection = (
  scores: readonly Float64Array[],
  rank: number,
  selector: Selector,
  stream: RandomStream,
) => Uint32Array[];

/**
 * The components of highest score. Ties are broken at random, never by index: at B = 0 every score is 0, and an index order would
 * train the same components for ever.
 *
 * @throws {RangeError} when `count` is above the number of scores.
 *
 * @example
 * ```ts
 * import { greedy } from "./selection.ts";
 * import { randomStream } from "./random.ts";
 * const chosen = greedy(new Float64Array([0.1, 0.9, 0.5]), 2, randomStream(1, "selection"));
 * if (chosen.join() !== "1,2") throw new Error("unreachable");
 * ```
 */
export function greedy(
  scores: Float64Array,
  count: number,
  stream: RandomStream,
): Uint32Array {
  checkCount(count, scores.length);
  const order = stream.shuffle(allComponents(scores.length));
  // The sort is stable, so equal scores stay shuffled.
  order.sort((x, y) => scores[x] < scores[y] ? 1 : scores[x] > scores[y] ? -1 : 0);
  return Uint32Array.from(order.slice(0, count)).sort();
}

/** Any components, all equally likely, whatever their scores. */
export function random(
  scores: Float64Array,
  count: number,
  stream: RandomStream,
): Uint32Array {
  return greedy(new Float64Array(scores.length), count, stream);
}

/**
 * Draws without replacement with probability proportional to score^(1/temperature), by Gumbel top-k (Kool et al., ICML 2019): the
 * highest of log(score)/temperature + Gumbel noise. Temperature 0 is {@linkcode greedy}, Infinity is {@linkcode random}.
 *
 * A score of 0 is drawn only after all others, at any finite temperature.
 *
 * @throws {RangeError} when the temperature is negative or not a number.
 */
export function sampled(temperature: number): Selector {
  if (!(temperature >= 0)) {
    throw new RangeError(`Cannot sample at temperature ${temperature}: expected 0 or above`);
  }
  if (temperature === 0) return greedy;
  if (temperature === Infinity) return random;
  return (scores, count, stream) => {
    const keys = scores.map((score) => Math.log(score) / temperature + gumbel(stream));
    return greedy(keys, count, stream);
  };
}

/**
 * The components of lowest index, whatever their scores: for methods whose index is itself an order, as clients of lower rank then hold a part of
 * what those of higher rank hold. Within one module only: of all modules pooled it would take whole modules.
 *
 * @throws {RangeError} as {@linkcode greedy}.
 */
export function first(scores: Float64Array, count: number): Uint32Array {
  checkCount(count, scores.length);
  return allComponents(count);
}

/** The selector of a name; `temperature` matters to `sampled` alone. */
export function selectorOf(name: SelectorName, temperature: number): Selector {
  switch (name) {
    case "greedy":
      return greedy;
    case "random":
      return random;
    case "sampled":
      return sampled(temperature);
    case "first":
      return first;
    default:
      return name satisfies never;
  }
}

/** Each module keeps its own `rank` components. */
export function selectPerModule(
  scores: readonly Float64Array[],
  rank: number,
  selector: Selector,
  stream: RandomStream,
): Uint32Array[] {
  return scores.map((ofModule) => selector(ofModule, rank, stream));
}

/** All modules are pooled under the same total, `rank` × modules, as AdaLoRA does; a module may get none, or all. */
export function selectGlobal(
  scores: readonly Float64Array[],
  rank: number,
  selector: Selector,
  stream: RandomStream,
): Uint32Array[] {
  const pooled = new Float64Array(scores.reduce((total, ofModule) => total + ofModule.length, 0));
  let offset = 0;
  const starts = scores.map((ofModule) => {
    pooled.set(ofModule, offset);
    offset += ofModule.length;
    return offset - ofModule.length;
  });
  const chosen = selector(pooled, rank * scores.length, stream);
  return scores.map((ofModule, m) =>
    chosen
      .filter((index) => index >= starts[m] && index < starts[m] + ofModule.length)
      .map((index) => index - starts[m])
  );
}

function checkCount(count: number, most: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= most) return;
  throw new RangeError(`Cannot select ${count} components: expected 0 to ${most}`);
}

function gumbel(stream: RandomStream): number {
  return -Math.log(-Math.log(stream.uniform()));
}
