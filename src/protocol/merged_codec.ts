/**
 * What was merged into the base weights as a safetensors file, beside that of the bank it belongs to.
 *
 * @module
 */

import type { AdapterLayout } from "./bank.ts";
import { takeFloats } from "./bank_codec.ts";
import { componentTensors } from "./component_tensors.ts";
import type { MergedBase } from "./merged_base.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from "./safetensors.ts";
import { loraAName, loraBName } from "./tensor_names.ts";

const format = "hafl-merged-1";

/** Encodes what was merged; {@linkcode decodeMerged} gives it back bit for bit. */
export function encodeMerged(
  { changes, stack }: MergedBase,
  { modules }: Pick<AdapterLayout, "modules">,
): Uint8Array {
  const tensors = modules.flatMap((module, m) => {
    const { name, inFeatures, outFeatures } = module;
    const change = { name: changeName(name), shape: [outFeatures, inFeatures], data: changes[m] };
    if (stack === undefined) return [change];
    return [change, ...componentTensors(module, stack[m].a.length / inFeatures, stack[m])];
  });
  return encodeSafetensors(tensors, { format, ...(stack && { stack: "unsent" }) });
}

/**
 * Decodes what {@linkcode encodeMerged} wrote, for these modules.
 *
 * @throws {SafetensorsError} when the file is damaged, is something else, or belongs to other modules.
 */
export function decodeMerged(
  bytes: Uint8Array,
  { modules }: Pick<AdapterLayout, "modules">,
): MergedBase {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.format !== format) {
    throw new SafetensorsError(
      `Cannot read what was merged: expected format "${format}", got "${metadata.format}"`,
    );
  }
  const take = (name: string, shape: readonly number[]) => takeFloats(tensors, name, shape);
  const changes = modules.map(({ name, inFeatures, outFeatures }) =>
    take(changeName(name), [outFeatures, inFeatures])
  );
  if (metadata.stack === undefined) return { changes };
  const stack = modules.map(({ name, inFeatures, outFeatures }) => {
    const rank = tensors.get(loraAName(name))?.shape[0] ?? 0;
    return {
      a: take(loraAName(name), [rank, inFeatures]),
      b: take(loraBName(name), [outFeatures, rank]),
    };
  });
  return { changes, stack };
}

/** What a module's weight differs by from the checkpoint's. */
function changeName(module: string): string {
  return `${module}.weight.change`;
}
