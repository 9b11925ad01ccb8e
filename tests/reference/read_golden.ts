import { decodeSafetensors } from "../../src/protocol/safetensors.ts";

/** A tensor of a golden file. F32, F64 and U32 all fit into float64 exactly. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** The tensors and settings of a golden file; tests/golden/README.md lists the names. */
export interface Golden {
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * The tensor of that name.
   *
   * @throws {Error} When the file has none.
   */
  tensor(name: string): GoldenTensor;
  readonly names: readonly string[];
}

/**
 * Reads a safetensors file below tests/golden in full precision.
 *
 * @param path For example "bert/golden.safetensors" or "llama/model.safetensors".
 */
export async function readGolden(path: string): Promise<Golden> {
  const { tensors, metadata } = decodeSafetensors(
    await Deno.readFile(new URL(`../golden/${path}`, import.meta.url)),
  );
  const tensor = (name: string): GoldenTensor => {
    const found = tensors.get(name);
    if (!found) throw new Error(`Cannot find "${name}" in golden file "${path}"`);
    return { shape: found.shape, data: toFloat64(found.dtype, found.bytes) };
  };
  return { metadata, tensor, names: [...tensors.keys()] };
}

function toFloat64(dtype: string, bytes: Uint8Array): Float64Array {
  // A copy, because a view into the file need not be aligned.
  const buffer = bytes.slice().buffer;
  if (dtype === "F64") return new Float64Array(buffer);
  if (dtype === "F32") return Float64Array.from(new Float32Array(buffer));
  if (dtype === "U32") return Float64Array.from(new Uint32Array(buffer));
  throw new TypeError(`Cannot read golden dtype ${dtype}: expected F64, F32 or U32`);
}
