/**
 * A bank as a safetensors file, for checkpoints and for whoever evaluates it: everything but the moments of the server's optimizer, which have a
 * file of their own ({@linkcode encodeMoments}). All comes back bit for bit.
 *
 * Adapter tensors carry PEFT's names (`<module>.lora_A.weight`), so that any safetensors reader can look inside.
 *
 * @module
 */

import type { AdapterBank, ModuleComponents, NamedTensor } from "./bank.ts";
import { componentTensors } from "./component_tensors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  SafetensorsError,
  type SafetensorsInput,
  type SafetensorsTensor,
} from "./safetensors.ts";
import { loraAName, loraBName, scoresName, trainedName } from "./tensor_names.ts";

const format = "hafl-bank-1";

/**
 * Encodes a bank, scores in double precision.
 *
 * @example
 * ```ts
 * import { createBank } from "./bank.ts";
 * import { decodeBank, encodeBank } from "./bank_codec.ts";
 * const modules = [{ name: "q_proj", inFeatures: 3, outFeatures: 2 }];
 * const bank = createBank({ modules, rank: 2, alpha: 4, seed: 1, head: [] });
 * if (decodeBank(encodeBank(bank)).modules[0].a[5] !== bank.modules[0].a[5]) throw new Error("unreachable");
 * ```
 */
export function encodeBank(bank: AdapterBank): Uint8Array {
  const { rank, alpha, modules, head, scores, trained } = bank;
  const tensors = modules.flatMap((module, m): SafetensorsInput[] => [
    ...componentTensors(module, rank, module),
    { name: scoresName(module.name), shape: [rank], data: scores[m] },
    { name: trainedName(module.name), shape: [rank], data: trained[m] },
  ]);
  return encodeSafetensors([...tensors, ...head], {
    format,
    rank: String(rank),
    alpha: String(alpha),
    modules: JSON.stringify(modules.map(({ name }) => name)),
    head: JSON.stringify(head.map(({ name }) => name)),
  });
}

/**
 * Decodes what {@linkcode encodeBank} wrote.
 *
 * @throws {SafetensorsError} when the file is damaged, or is not a bank.
 */
export function decodeBank(bytes: Uint8Array): AdapterBank {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.format !== format) {
    throw new SafetensorsError(
      `Cannot read the adapter bank: expected format "${format}", got "${metadata.format}"`,
    );
  }
  const rank = Number(metadata.rank);
  const alpha = Number(metadata.alpha);
  if (!(Number.isSafeInteger(rank) && rank >= 1 && alpha > 0)) {
    throw new SafetensorsError(
      `Cannot read the adapter bank: expected a rank and an alpha, got "${metadata.rank}" and "${metadata.alpha}"`,
    );
  }
  const names = parseNames(metadata.modules);
  return {
    rank,
    alpha,
    modules: names.map((name) => decodeModule(tensors, name, rank)),
    head: parseNames(metadata.head).map((name) => decodeHead(tensors, name)),
    scores: names.map((name) =>
      new Float64Array(takeTensor(tensors, scoresName(name), "F64", [rank]).buffer)
    ),
    trained: names.map((name) => takeTensor(tensors, trainedName(name), "U8", [rank])),
  };
}

type Tensors = ReadonlyMap<string, SafetensorsTensor>;

function decodeModule(tensors: Tensors, name: string, rank: number): ModuleComponents {
  const inFeatures = tensors.get(loraAName(name))?.shape[1] ?? 0;
  const outFeatures = tensors.get(loraBName(name))?.shape[0] ?? 0;
  const a = takeFloats(tensors, loraAName(name), [rank, inFeatures]);
  const b = takeFloats(tensors, loraBName(name), [outFeatures, rank]);
  return { name, inFeatures, outFeatures, a, b };
}

function decodeHead(tensors: Tensors, name: string): NamedTensor {
  const shape = tensors.get(name)?.shape ?? [];
  return { name, shape, data: takeFloats(tensors, name, shape) };
}

/**
 * A copy of a float tensor's numbers.
 *
 * @throws {SafetensorsError} when the tensor is absent, of another number format, or of another shape.
 */
export function takeFloats(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  name: string,
  shape: readonly number[],
): Float32Array {
  return new Float32Array(takeTensor(tensors, name, "F32", shape).buffer);
}

/** A copy of a tensor's bytes, in a buffer of their own. */
function takeTensor(
  tensors: Tensors,
  name: string,
  dtype: string,
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  const tensor = tensors.get(name);
  const got = tensor ? `${tensor.dtype} of shape [${tensor.shape.join(", ")}]` : "none";
  const expected = `${dtype} of shape [${shape.join(", ")}]`;
  if (!tensor || got !== expected) {
    throw new SafetensorsError(
      `Cannot read tensor "${name}": expected ${expected}, got ${got}`,
    );
  }
  return new Uint8Array(tensor.bytes);
}

function parseNames(text: string | undefined): string[] {
  try {
    const names: unknown = JSON.parse(text ?? "");
    if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  } catch {
    // Said below, as for a list of something else.
  }
  throw new SafetensorsError(`Cannot read the adapter bank: expected a list of names, got ${text}`);
}
