/** How the next token is chosen from a model's logits. @module */

import { UserError } from "../protocol/errors.ts";
import type { RandomStream } from "../protocol/random.ts";
import { likeliestFirst } from "./likeliest_first.ts";

/** Which tokens may be chosen, and how evenly. */
export interface SamplingOptions {
  /** What logits are divided by, at least 0; at 0 the likeliest token is taken, the first of several. */
  readonly temperature: number;
  /** Only so many of the likeliest tokens may be chosen: a whole number of at least 1 (default: all). */
  readonly topK?: number | undefined;
  /** Only the fewest of the likeliest tokens whose probabilities sum to at least this may be chosen, above 0 and at most 1 (default: 1, all). */
  readonly topP?: number | undefined;
}

/** Tokens that may be chosen, with probabilities that sum to 1. */
export interface TokenDistribution {
  /** Their ids. */
  readonly ids: Uint32Array;
  /** By place in `ids`. */
  readonly probabilities: Float64Array;
}

/** Throws UserError naming the first option that cannot be. */
export function checkSampling({ temperature, topK, topP }: SamplingOptions): void {
  const refuse = (name: string, expected: string, got: number): never => {
    throw new UserError(`Cannot sample with a ${name} of ${got}: expected ${expected}`);
  };
  if (!Number.isFinite(temperature) || temperature < 0) {
    refuse("temperature", "a finite number of at least 0", temperature);
  }
  if (topK !== undefined && (!Number.isSafeInteger(topK) || topK < 1)) {
    refuse("top-k", "a whole number of at least 1", topK);
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) {
    refuse("top-p", "a number above 0 and at most 1", topP);
  }
}

/** The id of the largest logit, the first of several. Throws RangeError where none is finite, as in a model that diverged. */
export function likeliestToken(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  if (Number.isFinite(logits[best])) return best;
  throw new RangeError(`Cannot choose a token: expected finite logits, got ${logits[best]}`);
}

/**
 * The distribution that a token is drawn from at a temperature above 0: softmax(logits / temperature), of which top-k keeps the likeliest, and of what it
 * keeps top-p (Holtzman et al. 2020) the fewest that reach its share; of equally likely tokens the one with the smaller id counts as likelier. In no
 * particular order.
 *
 * @example
 * ```ts
 * import { tokenDistribution } from "./sampling.ts";
 * const logits = Float32Array.of(Math.log(5), Math.log(1), Math.log(4));
 * const { ids, probabilities } = tokenDistribution(logits, { temperature: 1, topK: 2 });
 * if (ids.join() !== "0,2" || Math.abs(probabilities[1] - 4 / 9) > 1e-6) throw new Error("unreachable");
 * ```
 */
export function tokenDistribution(
  logits: Float32Array,
  { temperature, topK = Infinity, topP = 1 }: SamplingOptions,
): TokenDistribution {
  const highest = logits[likeliestToken(logits)];
  const weightOf = (id: number): number => Math.exp((logits[id] - highest) / temperature);
  const all = places(logits.length);
  const first = topK < logits.length ? [...likeliestFirst(logits).take(topK)] : undefined;
  if (first === undefined && topP === 1) return normalised(all, weightOf);
  const share = topP * sumOf(first ?? all, weightOf);
  const ids: number[] = [];
  let reached = 0;
  for (const id of first ?? likeliestFirst(logits)) {
    ids.push(id);
    reached += weightOf(id);
    if (reached >= share) break;
  }
  return normalised(Uint32Array.from(ids), weightOf);
}

/** Chooses a token: the likeliest at temperature 0, else one drawn from {@linkcode tokenDistribution}. */
export function chooseToken(
  logits: Float32Array,
  options: SamplingOptions,
  random: RandomStream,
): number {
  if (options.temperature === 0) return likeliestToken(logits);
  const { ids, probabilities } = tokenDistribution(logits, options);
  let rest = random.uniform();
  for (let place = 0; place < ids.length; place++) {
    rest -= probabilities[place];
    if (rest < 0) return ids[place];
  }
  // The probabilities sum to 1 but for their rounding.
  return ids[ids.length - 1];
}

// Vocabularies have a hundred thousand tokens and more, and this is done for each token: plain loops, which are several times as fast as iterators here.

/** 0, 1, 2 and so on. */
function places(count: number): Uint32Array {
  const ids = new Uint32Array(count);
  for (let id = 0; id < count; id++) ids[id] = id;
  return ids;
}

function sumOf(ids: ArrayLike<number>, weightOf: (id: number) => number): number {
  let sum = 0;
  for (let place = 0; place < ids.length; place++) sum += weightOf(ids[place]);
  return sum;
}

function normalised(ids: Uint32Array, weightOf: (id: number) => number): TokenDistribution {
  const probabilities = new Float64Array(ids.length);
  let sum = 0;
  for (let place = 0; place < ids.length; place++) {
    probabilities[place] = weightOf(ids[place]);
    sum += probabilities[place];
  }
  for (let place = 0; place < ids.length; place++) probabilities[place] /= sum;
  return { ids, probabilities };
}
