/** Weights in safetensors files, one or sharded: headers are read at once, tensors by range when loaded. */
import {
  parseSafetensorsHeader,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  type SafetensorsHeader,
  safetensorsHeaderLength,
  toFloat32,
} from "../protocol/safetensors.ts";
import { ModelFolderError, WeightsError } from "./errors.ts";
import { readJsonObject } from "./folder.ts";
import { innerPath } from "./inner_path.ts";
import type { ByteFile, ModelFiles, WeightSource } from "./source.ts";
import { checkShape, missingTensor } from "./tensor_checks.ts";

/** A tensor and where its bytes lie. */
interface StoredTensor {
  readonly file: ByteFile;
  readonly entry: SafetensorsEntry;
  /** Absolute offset of the first byte. */
  readonly offset: number;
}

const FLOAT_DTYPES: readonly SafetensorsDtype[] = ["F32", "F16", "BF16"];

/**
 * Opens one safetensors file.
 *
 * Tied tensors are stored once; the file's `__metadata__` then maps the absent name to the present
 * one ("model.embed_tokens.weight" to "lm_head.weight"), and both can be loaded.
 *
 * @param files the model's files
 * @param path path of the file relative to the model folder
 * @returns its tensors; f32, f16 and bf16 can be loaded
 * @throws {ModelFolderError} when the file does not exist
 * @throws {SafetensorsError} when its header is malformed or does not fit the file
 */
export async function openSafetensors(files: ModelFiles, path: string): Promise<WeightSource> {
  const file = await files.open(path);
  if (!file) {
    throw new ModelFolderError(`Cannot find "${path}" in model "${files.label}"`);
  }
  const header = await readHeader(file);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of header.entries) tensors.set(name, stored(file, header, entry));
  addTiedNames(tensors, [header]);
  return tensorSource(`${files.label}/${path}`, tensors);
}

/**
 * Opens the shards that an index names.
 *
 * @param files the model's files
 * @param indexPath path of `model.safetensors.index.json` relative to the model folder
 * @returns the tensors of all shards
 * @throws {ModelFolderError} when the index or a shard does not exist, or the index is malformed
 * @throws {WeightsError} when a shard lacks a tensor that the index places there
 * @throws {SafetensorsError} when a shard's header is malformed or does not fit the file
 */
export async function openShardedSafetensors(
  files: ModelFiles,
  indexPath: string,
): Promise<WeightSource> {
  const weightMap = await readWeightMap(files, indexPath);
  const paths = [...new Set(weightMap.values())];
  const shards = new Map<string, { file: ByteFile; header: SafetensorsHeader }>();
  const missing: string[] = [];
  for (const path of paths) {
    const file = await files.open(path);
    if (file) shards.set(path, { file, header: await readHeader(file) });
    else missing.push(path);
  }
  if (missing.length > 0) {
    throw new ModelFolderError(
      `Cannot load model "${files.label}": ${missing.length} of ${paths.length} shards named in ` +
        `"${indexPath}" are missing: ${missing.map((path) => `"${path}"`).join(", ")}`,
    );
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, path] of weightMap) {
    const shard = shards.get(path)!;
    const entry = shard.header.entries.get(name);
    if (!entry) {
      throw new WeightsError(
        `Cannot load "${name}": "${indexPath}" places it in "${path}", which does not hold it`,
      );
    }
    tensors.set(name, stored(shard.file, shard.header, entry));
  }
  addTiedNames(tensors, [...shards.values()].map(({ header }) => header));
  return tensorSource(`${files.label}/${indexPath}`, tensors);
}

/**
 * The shard files that an index names.
 *
 * @param files the model's files
 * @param indexPath path of the index relative to the model folder
 * @returns paths relative to the model folder, sorted, each once
 * @throws {ModelFolderError} when the index does not exist or is malformed
 */
export async function shardPaths(files: ModelFiles, indexPath: string): Promise<string[]> {
  return [...new Set((await readWeightMap(files, indexPath)).values())].sort();
}

async function readWeightMap(files: ModelFiles, indexPath: string): Promise<Map<string, string>> {
  const index = await readJsonObject(files, indexPath);
  if (!index) throw new ModelFolderError(`Cannot find "${indexPath}" in model "${files.label}"`);
  const weightMap = index.weight_map;
  if (typeof weightMap !== "object" || weightMap === null || Array.isArray(weightMap)) {
    throw new ModelFolderError(
      `Cannot read "${indexPath}" of model "${files.label}": expected an object "weight_map"`,
    );
  }
  const shards = new Map<string, string>();
  for (const [name, shard] of Object.entries(weightMap)) {
    if (typeof shard !== "string") {
      throw new ModelFolderError(
        `Cannot read "${indexPath}" of model "${files.label}": expected a file name for "${name}"`,
      );
    }
    shards.set(name, innerPath(indexPath, shard));
  }
  return shards;
}

async function readHeader(file: ByteFile): Promise<SafetensorsHeader> {
  const size = await file.size();
  try {
    const length = safetensorsHeaderLength(await file.read(0, Math.min(8, size)), size);
    return parseSafetensorsHeader(await file.read(0, 8 + length), size);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new SafetensorsError(`${error.message} (in "${file.name}")`, { cause: error });
  }
}

function stored(
  file: ByteFile,
  header: SafetensorsHeader,
  entry: SafetensorsEntry,
): StoredTensor {
  return { file, entry, offset: header.dataOffset + entry.start };
}

function addTiedNames(
  tensors: Map<string, StoredTensor>,
  headers: readonly SafetensorsHeader[],
): void {
  for (const { metadata } of headers) {
    for (const [absent, present] of Object.entries(metadata)) {
      const tensor = tensors.get(present);
      if (tensor && !tensors.has(absent)) tensors.set(absent, tensor);
    }
  }
}

function tensorSource(label: string, tensors: ReadonlyMap<string, StoredTensor>): WeightSource {
  const names = [...tensors.keys()];
  const find = (name: string): StoredTensor => {
    const tensor = tensors.get(name);
    if (!tensor) throw missingTensor(name, label, names);
    return tensor;
  };
  return {
    names,
    has: (name) => tensors.has(name),
    shape: (name) => find(name).entry.shape,
    load: async (name, expectedShape) => {
      const { file, entry, offset } = find(name);
      if (!FLOAT_DTYPES.includes(entry.dtype)) {
        throw new WeightsError(
          `Cannot load "${name}": expected dtype F32, F16 or BF16, got ${entry.dtype}`,
        );
      }
      checkShape(name, expectedShape, entry.shape);
      const bytes = await file.read(offset, entry.end - entry.start);
      // What was read is nobody else's: a large table is not copied to become what it is already.
      return entry.dtype === "F32" && bytes.byteOffset % 4 === 0
        ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
        : toFloat32(entry.dtype, bytes);
    },
  };
}
