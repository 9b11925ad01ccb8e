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
import { startSums } from "./component_sums.ts";

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

/** One client's components of one module. */
export interface ModuleUpdate {
  /** n_k. */
  readonly samples: number;
  /** The components it trained, ascending. */
  readonly indices: Uint32Array;
  /** [indices, inFeatures]; absent where it trained B alone. */
  readonly a?: Float32Array | undefined;
  /** [outFeatures, indices]. */
  readonly b: Float32Array;
}

/** One module's part of an aggregation. */
export interface ModuleAggregation {
  /** Takes one client's components in, none included. */
  add(update: ModuleUpdate): void;
  /**
   * The module after the round.
   *
   * @param all Σ n_k over all clients of the round.
   */
  finish(all: number): ModuleComponents;
}

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
  return aggregatorByModule((module, rank) => {
    const sums = startSums(module, rank);
    return {
      add: ({ samples, indices, a, b }) => sums.add(samples, indices, a, b),
      finish: (all) => sums.apply((server, sum, owners) => rule(server, sum, owners, all)),
    };
  });
}

/**
 * The aggregator that combines each module for itself.
 *
 * @param start starts a module's part; `rank` is the server's.
 */
export function aggregatorByModule(
  start: (module: ModuleComponents, rank: number) => ModuleAggregation,
): Aggregator {
  return (bank) => {
    const modules = bank.modules.map((module) => start(module, bank.rank));
    const heads = bank.head.map(({ data }) => new Float64Array(data.length));
    const scores = startScoreMerge(bank.scores);
    const trained = bank.trained.map((flags) => flags.slice());
    let last = -1;
    let all = 0;
    return {
      add(update) {
        const { client, samples, indices, a, b, head } = update;
        if (client <= last) {
          throw new RangeError(
            client === last
              ? `Cannot aggregate: expected one update of client ${client}, got two`
              : `Cannot aggregate: expected updates in client order, got ${client} after ${last}`,
          );
        }
        last = client;
        all += samples;
        modules.forEach((module, m) =>
          module.add({ samples, indices: indices[m], a: a?.[m], b: b[m] })
        );
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
          modules: modules.map((module) => module.finish(all)),
          head: bank.head.map((tensor, h) => meanTensor(tensor, heads[h], all)),
          scores: scores.finish(),
          trained,
        };
      },
    };
  };
}

function meanTensor({ name, shape }: NamedTensor, sum: Float64Array, all: number): NamedTensor {
  return { name, shape: [...shape], data: Float32Array.from(sum, (value) => value / all) };
}
