/**
 * The moments of the server's optimizer as a safetensors file, beside that of the bank they belong to.
 *
 * @module
 */

import type { AdapterLayout, BankMoment, ServerMoments } from "./bank.ts";
import { takeTensor } from "./bank_codec.ts";
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
    new Float32Array(takeTensor(tensors, `${which}.${name}`, "F32", shape).buffer);
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
  const named = (name: string, shape: readonly number[], data: Float32Array) => ({
    name: `${which}.${name}`,
    shape,
    data,
  });
  return [
    ...layout.modules.flatMap(({ name, inFeatures, outFeatures }, m) => [
      named(loraAName(name), [layout.rank, inFeatures], modules[m].a),
      named(loraBName(name), [outFeatures, layout.rank], modules[m].b),
    ]),
    ...layout.head.map(({ name, shape }, h) => named(name, shape, head[h])),
  ];
}
