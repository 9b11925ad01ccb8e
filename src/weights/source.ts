/** What a model's files and weights look like to the rest of the program, and how they are found. */
import { ModelFolderError } from "./errors.ts";
import { openOnnx } from "./onnx_source.ts";
import { openSafetensors, openShardedSafetensors } from "./safetensors_source.ts";

/** A file that can be read in pieces. The adapter that owns the file system or the network makes it. */
export interface ByteFile {
  /** What to call the file in an error. */
  readonly name: string;
  /** Size in bytes. */
  size(): Promise<number>;
  /** Exactly `length` bytes from `offset`, the caller's own; an error when the file is shorter. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The files of one model in Hugging Face layout. */
export interface ModelFiles {
  /** What to call the model in an error: its folder or hub id. */
  readonly label: string;
  /** The file at a path relative to the model folder, `undefined` when there is none. */
  open(path: string): Promise<ByteFile | undefined>;
}

/** Named tensors of a model, each read only when asked for. */
export interface WeightSource {
  /** Every name the source answers to, in the order of the file. */
  readonly names: readonly string[];
  /** Whether a tensor of this name can be loaded. */
  has(name: string): boolean;
  /** The stored shape, row-major, as PyTorch has it: a linear layer's weight is [out, in]. */
  shape(name: string): readonly number[];
  /** The tensor as f32, row-major; an error unless its shape is `expectedShape`. */
  load(name: string, expectedShape: readonly number[]): Promise<Float32Array>;
}

/** Where a model's weights are, and in which format. */
export interface WeightsLocation {
  /** One safetensors file, the index of several, or an ONNX file. */
  readonly format: "safetensors" | "sharded" | "onnx";
  /** Path relative to the model folder; for shards that of their index. */
  readonly path: string;
}

/** In order of preference: safetensors hold every name, an ONNX file holds names rewritten by its exporter. */
const CANDIDATES: readonly WeightsLocation[] = [
  { format: "safetensors", path: "model.safetensors" },
  { format: "sharded", path: "model.safetensors.index.json" },
  { format: "onnx", path: "onnx/model.onnx" },
  { format: "onnx", path: "model.onnx" },
];

/**
 * Finds the weights of a model.
 *
 * @param files the model's files
 * @returns the first of `model.safetensors`, `model.safetensors.index.json`, `onnx/model.onnx` and
 * `model.onnx` that exists
 * @throws {ModelFolderError} when there is none, naming what was looked for
 */
export async function findWeights(files: ModelFiles): Promise<WeightsLocation> {
  for (const candidate of CANDIDATES) {
    if (await files.open(candidate.path)) return candidate;
  }
  const paths = CANDIDATES.map(({ path }) => `"${path}"`).join(", ");
  throw new ModelFolderError(`Cannot find weights in "${files.label}": expected one of ${paths}`);
}

/**
 * Opens a model's weights. Reads headers only (an ONNX file, one protobuf message, is gone through whole);
 * each tensor is read when it is loaded, and none is kept.
 *
 * @param files the model's files
 * @returns its tensors by name
 * @throws {ModelFolderError} when no weights file is found
 * @throws {WeightsError} when it cannot be used: a missing shard, a quantized ONNX file
 * @throws {SafetensorsError} when a safetensors header is malformed
 *
 * @example
 * ```ts
 * import { encodeSafetensors } from "../protocol/safetensors.ts";
 * import { openWeights } from "./source.ts";
 *
 * const bytes = encodeSafetensors([
 *   { name: "score.weight", shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) },
 * ]);
 * const file = {
 *   name: "model.safetensors",
 *   size: () => Promise.resolve(bytes.length),
 *   read: (offset: number, length: number) =>
 *     Promise.resolve(bytes.slice(offset, offset + length)),
 * };
 * const weights = await openWeights({
 *   label: "in memory",
 *   open: (path) => Promise.resolve(path === file.name ? file : undefined),
 * });
 * const score = await weights.load("score.weight", [2, 3]);
 * if (score[5] !== 6) throw new Error("unreachable");
 * ```
 */
export async function openWeights(files: ModelFiles): Promise<WeightSource> {
  const { format, path } = await findWeights(files);
  switch (format) {
    case "safetensors":
      return await openSafetensors(files, path);
    case "sharded":
      return await openShardedSafetensors(files, path);
    case "onnx":
      return await openOnnx(files, path);
  }
}
