/** Merging an adapter into the weights it adapts. @module */

import type { ModuleComponents } from "../protocol/bank.ts";
import { deltaWeight } from "../protocol/components.ts";

/**
 * W0 + s·B·A, [out, in]: the weight of a plain linear layer that computes what the adapted one does. Summed in double precision, rounded once.
 *
 * @throws RangeError when `weight` has another size than the module.
 *
 * @example
 * ```ts
 * import { mergeDelta } from "./merge.ts";
 * const module = { name: "q", inFeatures: 2, outFeatures: 1, a: Float32Array.of(1, 2), b: Float32Array.of(3) };
 * const merged = mergeDelta(Float32Array.of(10, 20), module, 0.5);
 * if (merged.join() !== "11.5,23") throw new Error(merged.join());
 * ```
 */
export function mergeDelta(
  weight: Float32Array,
  module: ModuleComponents,
  scale: number,
): Float32Array {
  const { name, inFeatures, outFeatures } = module;
  if (weight.length !== inFeatures * outFeatures) {
    throw new RangeError(
      `Cannot merge the adapter of "${name}": expected a weight of ${
        inFeatures * outFeatures
      } numbers, got ${weight.length}`,
    );
  }
  const delta = deltaWeight(module, scale);
  return weight.map((value, i) => value + delta[i]);
}
