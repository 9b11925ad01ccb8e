/**
 * The moments of the server's optimizer as a safetensors file, beside that of the bank they belong to.
 *
 * @module
 */

import type { AdapterLayout, BankMoment, ServerMoments } from "./bank.ts";
import { takeFloats } from "./bank_codec.ts";
import { componentTensors } from "./component_tensors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  SafetensorsError,
  type SafetensorsInput,
} from "./safetensors.ts";
import { loraAName, loraBName } from "./tensor_names.ts";

const format = "hafl-moments-1";

/** Encodes moments; {@linkcode decodeMoments} gives them back bit for bit. */
export function encodeMoments(
  { first, second }: ServerMoments,
  layout: AdapterLayout,
): Uint8Array {
  const tensors = [
    ...momentTensors("first", first, layout),
    ...(second ? momentTensors("second", second, layout) : []),
  ];
  return encodeSafetensors(tensors, { format, moments: second ? "2" : "1" });
}

/**
 * Decodes what {@linkcode encodeMoments} wrote, for a bank of this layout.
 *
 * @throws {SafetensorsError} when the file is damaged, is something else, or belongs to another layout.
 */
export function decodeMoments(bytes: Uint8Array, layout: AdapterLayout): ServerMoments {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.format !== format || !/^[12]$/.test(metadata.moments)) {
    throw new SafetensorsError(
      `Cannot read the server's moments: expected format "${format}", got "${metadata.format}"`,
    );
  }
  const take = (which: string, name: string, shape: readonly number[]) =>
    takeFloats(tensors, `${which}.${name}`, shape);
  const moment = (which: string): BankMoment => ({
    modules: layout.modules.map(({ name, inFeatures, outFeatures }) => ({
      a: take(which, loraAName(name), [layout.rank, inFeatures]),
      b: take(which, loraBName(name), [outFeatures, layout.rank]),
    })),
    head: layout.head.map(({ name, shape }) => take(which, name, shape)),
  });
  return {
    first: moment("first"),
    ...(metadata.moments === "2" && { second: moment("second") }),
  };
}

function momentTensors(
  which: string,
  { modules, head }: BankMoment,
  layout: AdapterLayout,
): SafetensorsInput[] {
  const tensors = [
    ...layout.modules.flatMap((module, m) => componentTensors(module, layout.rank, modules[m])),
    ...layout.head.map(({ name, shape }, h) => ({ name, shape, data: head[h] })),
  ];
  return tensors.map((tensor) => ({ ...tensor, name: `${which}.${tensor.name}` }));
}
