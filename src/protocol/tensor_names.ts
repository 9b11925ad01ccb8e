/**
 * Names of a module's tensors in messages and checkpoints.
 *
 * @module
 */

/** A, [n, inFeatures], by PEFT's name. */
export function loraAName(module: string): string {
  return `${module}.lora_A.weight`;
}

/** B, [outFeatures, n], by PEFT's name. */
export function loraBName(module: string): string {
  return `${module}.lora_B.weight`;
}

/** The ascending list of components. */
export function indicesName(module: string): string {
  return `${module}.indices`;
}

/** Importance per component, [r]. */
export function scoresName(module: string): string {
  return `${module}.scores`;
}

/** Whether a component was ever trained, [r]. */
export function trainedName(module: string): string {
  return `${module}.trained`;
}
