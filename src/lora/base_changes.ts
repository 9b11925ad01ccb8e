/**
 * Changes of the base weights that adapters adapt, for runs that merge into them (FLoRA). A changed weight is always the checkpoint's number plus the
 * whole change: nothing is added to what a device holds, so that rounding does not add up.
 *
 * @module
 */

import type { Executor } from "../engine/device.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import type { WeightLoader } from "./load.ts";
import type { Session } from "./session.ts";

/** Per module [outFeatures, inFeatures]: what its weight differs by from the checkpoint's; undefined where nothing does. */
export type BaseChanges = readonly Float32Array[] | undefined;

/** What each device's base weights differ by; a device that is not here holds the checkpoint's. */
const installed = new WeakMap<Executor, BaseChanges>();

/** While weights are being written. A device that stays so holds some of the old and some of the new. */
const underWay: BaseChanges = [];

/**
 * Makes the base weights on a session's device the checkpoint's plus some changes, or the checkpoint's own. Does nothing where they are so already.
 *
 * @param weights those that the session was opened with.
 * @param changes by the session's modules, in their order. They are known again by identity, and not looked into.
 *
 * @throws HalfRangeError where the base is stored in half precision and a changed weight is beyond it.
 */
export async function installBase(
  { executor, adapted: { layout: { modules } } }: Session,
  weights: WeightLoader,
  changes: BaseChanges,
): Promise<void> {
  if (installed.get(executor) === changes) return;
  installed.set(executor, underWay);
  const source = changedWeights(weights, modules, changes);
  for (const module of modules) {
    const name = weightName(module);
    executor.write(name, await source.load(name, [module.outFeatures, module.inFeatures]));
  }
  installed.set(executor, changes);
}

/** Base weights with changes added to those of the modules, each number rounded once; all others are the source's own. */
export function changedWeights(
  weights: WeightLoader,
  modules: readonly ModuleShape[],
  changes: BaseChanges,
): WeightLoader {
  if (changes === undefined) return weights;
  const byName = new Map(modules.map((module, m) => [weightName(module), changes[m]]));
  return {
    async load(name, expectedShape) {
      const weight = await weights.load(name, expectedShape);
      const change = byName.get(name);
      return change === undefined ? weight : weight.map((value, at) => value + change[at]);
    },
  };
}

/** The tensor that a module's adapter changes, [outFeatures, inFeatures] in every family. */
function weightName({ name }: ModuleShape): string {
  return `${name}.weight`;
}
