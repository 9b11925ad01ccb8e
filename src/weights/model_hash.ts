import { sha256, sha256Hex } from "../protocol/hash.ts";
import { ModelFolderError } from "./errors.ts";
import { externalDataPaths } from "./onnx_source.ts";
import { shardPaths } from "./safetensors_source.ts";
import { type ByteFile, findWeights, type ModelFiles } from "./source.ts";

const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * A fingerprint of a model: the same for the same configuration and weights, wherever they lie.
 *
 * WebCrypto digests only whole buffers, so a file's digest is the SHA-256 of the SHA-256 digests of
 * its 4 MiB chunks, in order; the model's is the SHA-256 of its files' digests: config.json, then
 * the weights file, or the index and its shards by name, or the ONNX file and its external data by
 * name. It is therefore not what `sha256sum` prints.
 *
 * @param files the model's files
 * @returns 64 hexadecimal digits
 * @throws {ModelFolderError} when config.json, the weights or one of their parts is missing
 */
export async function modelHash(files: ModelFiles): Promise<string> {
  const digests: Uint8Array[] = [];
  for (const path of await hashedPaths(files)) {
    const file = await files.open(path);
    if (!file) throw new ModelFolderError(`Cannot find "${path}" in model "${files.label}"`);
    digests.push(await fileDigest(file));
  }
  return await sha256Hex(concatenate(digests));
}

/**
 * The files that make a model the same everywhere, by their paths in its folder: config.json, the weights, and the tokenizer's where there are any.
 *
 * @param files the model's files
 * @throws {ModelFolderError} when the weights or the index of their parts is missing
 */
export async function modelPaths(files: ModelFiles): Promise<string[]> {
  const paths = await hashedPaths(files);
  for (const path of ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]) {
    if (await files.open(path)) paths.push(path);
  }
  return paths;
}

async function hashedPaths(files: ModelFiles): Promise<string[]> {
  return ["config.json", ...await weightPaths(files)];
}

async function weightPaths(files: ModelFiles): Promise<string[]> {
  const { format, path } = await findWeights(files);
  switch (format) {
    case "safetensors":
      return [path];
    case "sharded":
      return [path, ...await shardPaths(files, path)];
    case "onnx":
      return [path, ...await externalDataPaths(files, path)];
  }
}

async function fileDigest(file: ByteFile): Promise<Uint8Array> {
  const size = await file.size();
  const digests: Uint8Array[] = [];
  for (let offset = 0; offset < size; offset += CHUNK_BYTES) {
    digests.push(await sha256(await file.read(offset, Math.min(CHUNK_BYTES, size - offset))));
  }
  return await sha256(concatenate(digests));
}

function concatenate(digests: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(32 * digests.length);
  digests.forEach((digest, index) => bytes.set(digest, 32 * index));
  return bytes;
}
