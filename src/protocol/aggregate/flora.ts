import { scale } from "../bank.ts";
import type { ComponentSlices } from "../components.ts";
import { mergeStack } from "../merged_base.ts";
import {
  type Aggregation,
  type Aggregator,
  aggregatorByModule,
  type ModuleUpdate,
} from "./aggregator.ts";

/**
 * FLoRA's aggregation (Wang et al., NeurIPS 2024, arXiv 2409.05976): the clients' adapters side by side, which is the mean of their products without
 * what averaging factors adds to it, and is merged into the base weights.
 *
 *     A = [p_1 A_1; …; p_K A_K],   B = [B_1 … B_K],   W ← W + s·B·A = W + Σ_k p_k s·B_k A_k,   p_k = n_k / Σ n
 *
 * The components of the bank stay as they were: clients start each round from fresh ones.
 */
export const flora: Aggregator = (bank): Aggregation => {
  const stack: ComponentSlices[] = [];
  const aggregation = aggregatorByModule((module) => {
    const updates: ModuleUpdate[] = [];
    return {
      add(update) {
        updates.push(update);
      },
      finish(all) {
        stack.push(stackComponents(module.inFeatures, module.outFeatures, updates, all));
        return { ...module, a: module.a.slice(), b: module.b.slice() };
      },
    };
  })(bank);
  return {
    add: aggregation.add,
    finish() {
      const next = aggregation.finish();
      const changes = bank.modules.map((module, m) =>
        mergeStack(module, bank.merged?.changes[m], stack[m], scale(bank))
      );
      return { ...next, merged: { changes, stack } };
    },
  };
};

/** A [Σ r_k, inFeatures], each row times its client's share of all samples, and B [outFeatures, Σ r_k]. */
function stackComponents(
  inFeatures: number,
  outFeatures: number,
  updates: readonly ModuleUpdate[],
  all: number,
): ComponentSlices {
  const total = updates.reduce((sum, { indices }) => sum + indices.length, 0);
  const stack = {
    a: new Float32Array(total * inFeatures),
    b: new Float32Array(outFeatures * total),
  };
  let first = 0;
  for (const { samples, indices: { length: count }, a, b } of updates) {
    if (a === undefined) {
      throw new RangeError("Cannot aggregate by flora: expected A and B, got B alone");
    }
    a.forEach((value, at) => stack.a[first * inFeatures + at] = samples / all * value);
    for (let j = 0; j < outFeatures; j++) {
      stack.b.set(b.subarray(j * count, (j + 1) * count), j * total + first);
    }
    first += count;
  }
  return stack;
}
