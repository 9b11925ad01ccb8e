/**
 * What every aggregation rule shares: weights, order, precision, and all that is not a component.
 *
 * Sums run in client order and in double precision, and each number is rounded to float32 once, so the result does not depend on who
 * answered first.
 *
 * @module
 */

import type { AdapterBank, ModuleComponents, NamedTensor } from "../bank.ts";
import { mergeScores } from "../scores.ts";
import type { ClientUpdate } from "../update.ts";

/**
 * Combines a round's updates into the next bank; shares no memory with the old one. Updates are validated before.
 *
 * Whatever the rule, the head is the n_k-weighted mean, reported scores are merged, and `trained` remembers who was trained.
 *
 * @throws {RangeError} without updates, or with two of one client.
 */
export type Aggregator = (bank: AdapterBank, updates: readonly ClientUpdate[]) => AdapterBank;

/**
 * The new value of one number of a component.
 *
 * @param server the server's value.
 * @param sum Σ n_k·x_k over the owners, the clients that trained the component.
 * @param owners Σ n_k over the owners; 0 when there is none.
 * @param all Σ n_k over all clients of the round.
 */
export type ComponentRule = (server: number, sum: number, owners: number, all: number) => number;

/** The aggregator that applies one rule to every number of A and B. */
export function aggregatorOf(rule: ComponentRule): Aggregator {
  return (bank, updates) => {
    const inOrder = inClientOrder(updates);
    const reports = inOrder.flatMap(({ samples, scores }) => scores ? [{ samples, scores }] : []);
    return {
      rank: bank.rank,
      alpha: bank.alpha,
      modules: bank.modules.map((module, m) => combineModule(module, m, bank.rank, inOrder, rule)),
      head: bank.head.map((tensor, h) => meanTensor(tensor, h, inOrder)),
      scores: mergeScores(bank.scores, reports),
      trained: bank.trained.map((flags, m) =>
        flags.map((flag, i) => inOrder.some(({ indices }) => indices[m].includes(i)) ? 1 : flag)
      ),
    };
  };
}

function combineModule(
  { name, inFeatures, outFeatures, a, b }: ModuleComponents,
  m: number,
  rank: number,
  updates: readonly ClientUpdate[],
  rule: ComponentRule,
): ModuleComponents {
  const owners = new Float64Array(rank);
  const sumA = new Float64Array(a.length);
  const sumB = new Float64Array(b.length);
  for (const { samples, indices, a: rows, b: columns } of updates) {
    const count = indices[m].length;
    indices[m].forEach((i, n) => {
      owners[i] += samples;
      for (let j = 0; j < inFeatures; j++) {
        sumA[i * inFeatures + j] += samples * rows[m][n * inFeatures + j];
      }
      for (let j = 0; j < outFeatures; j++) {
        sumB[j * rank + i] += samples * columns[m][j * count + n];
      }
    });
  }
  const all = totalSamples(updates);
  return {
    name,
    inFeatures,
    outFeatures,
    a: a.map((value, at) => rule(value, sumA[at], owners[Math.floor(at / inFeatures)], all)),
    b: b.map((value, at) => rule(value, sumB[at], owners[at % rank], all)),
  };
}

function meanTensor(
  { name, shape }: NamedTensor,
  h: number,
  updates: readonly ClientUpdate[],
): NamedTensor {
  const sum = new Float64Array(updates[0].head[h].data.length);
  for (const { samples, head } of updates) {
    head[h].data.forEach((value, at) => sum[at] += samples * value);
  }
  const all = totalSamples(updates);
  return { name, shape: [...shape], data: Float32Array.from(sum, (value) => value / all) };
}

function totalSamples(updates: readonly ClientUpdate[]): number {
  return updates.reduce((sum, { samples }) => sum + samples, 0);
}

function inClientOrder(updates: readonly ClientUpdate[]): readonly ClientUpdate[] {
  if (updates.length === 0) {
    throw new RangeError("Cannot aggregate: expected at least one update, got none");
  }
  const inOrder = updates.toSorted((x, y) => x.client - y.client);
  const twice = inOrder.find(({ client }, n) => n > 0 && client === inOrder[n - 1].client);
  if (twice) {
    throw new RangeError(
      `Cannot aggregate: expected one update of client ${twice.client}, got two`,
    );
  }
  return inOrder;
}
