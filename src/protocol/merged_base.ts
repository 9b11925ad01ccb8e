/**
 * What a federation merges into its base weights instead of sharing an adapter (FLoRA): the adapters of every round, stacked.
 *
 * @module
 */

import type { AdapterBank, ModuleShape } from "./bank.ts";
import { type ComponentSlices, deltaWeight } from "./components.ts";

/** What has been merged into the base weights of the adapted modules. */
export interface MergedBase {
  /** Per module [outFeatures, inFeatures]: all that was added to its weight since the run began. */
  readonly changes: readonly Float32Array[];
  /** Per module: the components that were added last, which the clients have yet to receive; absent once they have. */
  readonly stack?: readonly ComponentSlices[];
}

/**
 * What is merged into a module once its part of a stack is: the change before, and s·B·A. Summed in double precision, rounded once.
 *
 * @param before absent where nothing was merged yet.
 *
 * @example
 * ```ts
 * import { mergeStack } from "./merged_base.ts";
 * const module = { name: "q_proj", inFeatures: 2, outFeatures: 1 };
 * const stack = { a: Float32Array.of(1, 2, 3, 4), b: Float32Array.of(1, 10) }; // b_1·a_1 + b_2·a_2 = [31, 42]
 * const change = mergeStack(module, Float32Array.of(0.5, 0), stack, 2);
 * if (change.join() !== "62.5,84") throw new Error("unreachable");
 * ```
 */
export function mergeStack(
  { name, inFeatures, outFeatures }: ModuleShape,
  before: Float32Array | undefined,
  stack: ComponentSlices,
  scale: number,
): Float32Array {
  const delta = deltaWeight({ name, inFeatures, outFeatures, ...stack }, scale);
  return Float32Array.from(delta, (value, at) => value + (before?.[at] ?? 0));
}

/** The bank once every client has what was merged last: without the stack. */
export function withoutStack(bank: AdapterBank): AdapterBank {
  return bank.merged ? { ...bank, merged: { changes: bank.merged.changes } } : bank;
}
