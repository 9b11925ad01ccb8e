/**
 * What every aggregation rule shares: weights, order, precision, and all that is not a component.
 *
 * Sums run in client order and in double precision, and each number is rounded to float32 once, so the result does not depend on who
 * answered first. Updates are taken in one at a time, so that a server needs the memory of one, not of all.
 *
 * @module
 */

import type { AdapterBank, ModuleComponents, NamedTensor } from "../bank.ts";
import { startScoreMerge } from "../scores.ts";
import type { ClientUpdate } from "../update.ts";

/** A round's sums in progress. */
export interface Aggregation {
  /**
   * Takes one client's update in; nothing of it is kept but its share of the sums. Updates are validated before.
   *
   * @throws {RangeError} when its client's index is not above that of the update before.
   */
  add(update: ClientUpdate): void;
  /**
   * The next bank; shares no memory with the old one. Ends the aggregation.
   *
   * @throws {RangeError} without updates.
   */
  finish(): AdapterBank;
}

/**
 * Starts to combine a round's updates into the bank that follows `bank`.
 *
 * Whatever the rule, the head is the n_k-weighted mean, reported scores are merged, and `trained` remembers who was trained. Where clients
 * train B alone, A stays the server's to the bit.
 */
export type Aggregator = (bank: AdapterBank) => Aggregation;

/**
 * The new value of one number of a component.
 *
 * @param server the server's value.
 * @param sum Σ n_k·x_k over the owners, the clients that trained the component.
 * @param owners Σ n_k over the owners; 0 when there is none.
 * @param all Σ n_k over all clients of the round.
 */
export type ComponentRule = (server: number, sum: number, owners: number, all: number) => number;

/**
 * Combines updates that are all at hand, in whatever order they came.
 *
 * @throws {RangeError} without updates, or with two of one client.
 */
export function aggregate(
  aggregator: Aggregator,
  bank: AdapterBank,
  updates: readonly ClientUpdate[],
): AdapterBank {
  const aggregation = aggregator(bank);
  for (const update of updates.toSorted((x, y) => x.client - y.client)) aggregation.add(update);
  return aggregation.finish();
}

/** The aggregator that applies one rule to every number of A and B. */
export function aggregatorOf(rule: ComponentRule): Aggregator {
  return (bank) => {
    const sums = bank.modules.map((module) => startSums(module, bank.rank));
    const heads = bank.head.map(({ data }) => new Float64Array(data.length));
    const scores = startScoreMerge(bank.scores);
    const trained = bank.trained.map((flags) => flags.slice());
    let last = -1;
    let all = 0;
    let sendsA = false;
    return {
      add(update) {
        const { client, samples, indices, head } = update;
        if (client <= last) {
          throw new RangeError(
            client === last
              ? `Cannot aggregate: expected one update of client ${client}, got two`
              : `Cannot aggregate: expected updates in client order, got ${client} after ${last}`,
          );
        }
        last = client;
        all += samples;
        sendsA ||= update.a !== undefined;
        bank.modules.forEach((module, m) => addComponents(sums[m], module, m, bank.rank, update));
        head.forEach(({ data }, h) => data.forEach((value, at) => heads[h][at] += samples * value));
        if (update.scores) scores.add({ samples, scores: update.scores });
        trained.forEach((flags, m) => indices[m].forEach((i) => flags[i] = 1));
      },
      finish() {
        if (last < 0) {
          throw new RangeError("Cannot aggregate: expected at least one update, got none");
        }
        return {
          rank: bank.rank,
          alpha: bank.alpha,
          modules: bank.modules.map((module, m) => {
            const combined = combine(module, sums[m], bank.rank, all, rule);
            return sendsA ? combined : { ...combined, a: module.a.slice() };
          }),
          head: bank.head.map((tensor, h) => meanTensor(tensor, heads[h], all)),
          scores: scores.finish(),
          trained,
        };
      },
    };
  };
}

/** Of one module: Σ n_k over the owners of each component, and Σ n_k·x_k of each number. */
interface ComponentSums {
  /** [r]. */
  readonly owners: Float64Array;
  /** [r, inFeatures]. */
  readonly a: Float64Array;
  /** [outFeatures, r]. */
  readonly b: Float64Array;
}

function startSums({ a, b }: ModuleComponents, rank: number): ComponentSums {
  return {
    owners: new Float64Array(rank),
    a: new Float64Array(a.length),
    b: new Float64Array(b.length),
  };
}

function addComponents(
  sums: ComponentSums,
  { inFeatures, outFeatures }: ModuleComponents,
  m: number,
  rank: number,
  { samples, indices, a: rows, b: columns }: ClientUpdate,
): void {
  const count = indices[m].length;
  indices[m].forEach((i, n) => {
    sums.owners[i] += samples;
    const row = rows?.[m].subarray(n * inFeatures, (n + 1) * inFeatures);
    row?.forEach((value, j) => sums.a[i * inFeatures + j] += samples * value);
    for (let j = 0; j < outFeatures; j++) {
      sums.b[j * rank + i] += samples * columns[m][j * count + n];
    }
  });
}

function combine(
  { name, inFeatures, outFeatures, a, b }: ModuleComponents,
  sums: ComponentSums,
  rank: number,
  all: number,
  rule: ComponentRule,
): ModuleComponents {
  const { owners } = sums;
  return {
    name,
    inFeatures,
    outFeatures,
    a: a.map((value, at) => rule(value, sums.a[at], owners[Math.floor(at / inFeatures)], all)),
    b: b.map((value, at) => rule(value, sums.b[at], owners[at % rank], all)),
  };
}

function meanTensor({ name, shape }: NamedTensor, sum: Float64Array, all: number): NamedTensor {
  return { name, shape: [...shape], data: Float32Array.from(sum, (value) => value / all) };
}
