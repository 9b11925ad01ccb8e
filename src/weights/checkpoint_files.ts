/** Writing a checkpoint in Hugging Face layout, one tensor in memory at a time. @module */

import { cellCount } from "../protocol/cell_count.ts";
import {
  dtypeWidth,
  type SafetensorsDtype,
  toBfloat,
  toHalf,
} from "../protocol/safetensors_dtype.ts";
import { type PlannedTensor, planSafetensors } from "../protocol/safetensors_plan.ts";
import { WeightsError } from "./errors.ts";
import type { WeightSource } from "./source.ts";

/** The number formats that a checkpoint can be written in, in the order users see them. */
export const checkpointDtypes = ["f32", "f16", "bf16"] as const;

/** A number format of a written checkpoint. */
export type CheckpointDtype = typeof checkpointDtypes[number];

/** How a checkpoint is written. */
export interface CheckpointLayout {
  /** Number format of every tensor. */
  readonly dtype: CheckpointDtype;
  /** Bytes of tensors above which a further file is begun; a larger tensor has a file of its own. */
  readonly shardBytes: number;
}

/** Files by their names; a stream is read once, from the start, when the file is written. */
export type CheckpointFiles = Readonly<Record<string, string | AsyncIterable<Uint8Array>>>;

interface Format {
  readonly stored: SafetensorsDtype;
  /** The numbers as they are stored; what is beyond the format's range is infinite. */
  encode(data: Float32Array): Float32Array | Uint16Array;
  /** The exponent's bits, all of them set where a number is infinite or none. */
  readonly exponent: number;
}

const formats: Readonly<Record<CheckpointDtype, Format>> = {
  f32: { stored: "F32", encode: (data) => data, exponent: 0x7f800000 },
  f16: { stored: "F16", encode: toHalf, exponent: 0x7c00 },
  bf16: { stored: "BF16", encode: toBfloat, exponent: 0x7f80 },
};

/**
 * The weights of a model folder: `model.safetensors`, or, where all tensors are more than a shard takes, `model-00001-of-0000N.safetensors` and their
 * index. The same tensors give the same bytes. A tensor is loaded when its place in a file has come, and forgotten after it.
 *
 * Reading a file throws WeightsError, naming the tensor, for a number that is not finite in the format, and what `load` throws.
 *
 * @param tensors names and shapes, in the order in which they fill the files.
 *
 * @example
 * ```ts
 * import { checkpointFiles } from "./checkpoint_files.ts";
 * const shapes = new Map([["score.weight", [1, 2]]]);
 * const load = () => Promise.resolve(Float32Array.of(1, 2));
 * const files = checkpointFiles(shapes, load, { dtype: "bf16", shardBytes: 2e9 });
 * if (Object.keys(files).join() !== "model.safetensors") throw new Error("unreachable");
 * ```
 */
export function checkpointFiles(
  tensors: ReadonlyMap<string, readonly number[]>,
  load: WeightSource["load"],
  { dtype, shardBytes }: CheckpointLayout,
): CheckpointFiles {
  const format = formats[dtype];
  const planned = [...tensors].map(([name, shape]) => ({ name, shape, dtype: format.stored }));
  const shards = fillShards(planned, shardBytes);
  const streamOf = (shard: readonly PlannedTensor[]) => fileBytes(shard, load, dtype);
  if (shards.length === 1) return { "model.safetensors": streamOf(shards[0]) };
  const digits = (count: number) => String(count).padStart(5, "0");
  const pathOf = (n: number) => `model-${digits(n + 1)}-of-${digits(shards.length)}.safetensors`;
  const index = {
    metadata: { total_size: planned.reduce((sum, tensor) => sum + bytesOf(tensor), 0) },
    weight_map: Object.fromEntries(
      shards.flatMap((shard, n) => shard.map(({ name }) => [name, pathOf(n)])),
    ),
  };
  return {
    ...Object.fromEntries(shards.map((shard, n) => [pathOf(n), streamOf(shard)])),
    "model.safetensors.index.json": JSON.stringify(index, null, 2) + "\n",
  };
}

function fillShards(tensors: readonly PlannedTensor[], shardBytes: number): PlannedTensor[][] {
  const shards: PlannedTensor[][] = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (filled > 0 && filled + bytes > shardBytes) {
      shards.push([]);
      filled = 0;
    }
    shards[shards.length - 1].push(tensor);
    filled += bytes;
  }
  return shards;
}

function bytesOf({ shape, dtype }: PlannedTensor): number {
  return cellCount(shape) * dtypeWidth(dtype);
}

async function* fileBytes(
  shard: readonly PlannedTensor[],
  load: WeightSource["load"],
  dtype: CheckpointDtype,
): AsyncGenerator<Uint8Array> {
  // The metadata without which transformers refuses a file.
  const { head, tensors } = planSafetensors(shard, { format: "pt" });
  yield head;
  for (const { name, shape } of tensors) yield encode(name, await load(name, shape), dtype);
}

function encode(name: string, data: Float32Array, dtype: CheckpointDtype): Uint8Array {
  const { encode, exponent } = formats[dtype];
  const { buffer, byteOffset, byteLength, length } = encode(data);
  const bits = byteLength === 4 * length
    ? new Uint32Array(buffer, byteOffset, length)
    : new Uint16Array(buffer, byteOffset, length);
  const bad = bits.findIndex((word) => (word & exponent) === exponent);
  if (bad < 0) return new Uint8Array(buffer, byteOffset, byteLength);
  throw new WeightsError(
    `Cannot write "${name}" as ${dtype}: expected finite numbers within its range, got ${
      data[bad]
    } at index ${bad}`,
  );
}
