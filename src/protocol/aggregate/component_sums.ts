/**
 * Weighted sums over clients of a module's components, which most rules are made of.
 *
 * @module
 */

import type { ModuleComponents } from "../bank.ts";

/**
 * The new value of one number of a component.
 *
 * @param server the server's value.
 * @param sum Σ w_k·x_k over the owners, the clients that trained the component.
 * @param owners Σ w_k over the owners; 0 when there is none.
 */
export type SumRule = (server: number, sum: number, owners: number) => number;

/** A module's sums in progress, in double precision. */
export interface ComponentSums {
  /**
   * Takes in a client's components with its weight w_k.
   *
   * @param a [indices, inFeatures]; undefined where the client trained B alone.
   * @param b [outFeatures, indices].
   */
  add(weight: number, indices: Uint32Array, a: Float32Array | undefined, b: Float32Array): void;
  /** The module that a rule makes of the sums; with an A that nobody sent as the server has it, to the bit. */
  apply(rule: SumRule): ModuleComponents;
}

/** Starts the sums of a module of rank `rank`. */
export function startSums(module: ModuleComponents, rank: number): ComponentSums {
  const { name, inFeatures, outFeatures } = module;
  const owners = new Float64Array(rank);
  const sumA = new Float64Array(rank * inFeatures);
  const sumB = new Float64Array(outFeatures * rank);
  let hasA = false;
  return {
    add(weight, indices, a, b) {
      const count = indices.length;
      hasA ||= a !== undefined;
      indices.forEach((i, n) => {
        owners[i] += weight;
        const row = a?.subarray(n * inFeatures, (n + 1) * inFeatures);
        row?.forEach((value, j) => sumA[i * inFeatures + j] += weight * value);
        for (let j = 0; j < outFeatures; j++) sumB[j * rank + i] += weight * b[j * count + n];
      });
    },
    apply: (rule) => ({
      name,
      inFeatures,
      outFeatures,
      a: hasA
        ? module.a.map((value, at) => rule(value, sumA[at], owners[Math.floor(at / inFeatures)]))
        : module.a.slice(),
      b: module.b.map((value, at) => rule(value, sumB[at], owners[at % rank])),
    }),
  };
}
