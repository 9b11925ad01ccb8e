/** The small JSON files of a model folder. */
import { readAll } from "./byte_file.ts";
import { ModelFolderError } from "./errors.ts";
import type { ModelFiles } from "./source.ts";

const NEEDS = "a model folder needs config.json, tokenizer.json and model.safetensors " +
  "(or model.safetensors.index.json with its shards, or onnx/model.onnx)";

/** The parsed tokenizer files, as `@huggingface/tokenizers` takes them. */
export interface TokenizerFiles {
  /** The content of tokenizer.json. */
  readonly tokenizer: unknown;
  /** The content of tokenizer_config.json; an empty object when the folder has none (it only adds to tokenizer.json). */
  readonly config: unknown;
}

/**
 * Reads a model's `config.json`.
 *
 * @param files the model's files
 * @returns the parsed JSON, unchecked beyond being an object
 * @throws {ModelFolderError} when it is missing or not a JSON object
 */
export async function readConfig(files: ModelFiles): Promise<unknown> {
  return required(files, "config.json", await readJsonObject(files, "config.json"));
}

/**
 * Reads a model's `tokenizer.json` and, where there is one, its `tokenizer_config.json`.
 *
 * @param files the model's files
 * @returns both, parsed
 * @throws {ModelFolderError} when tokenizer.json is missing or either is not a JSON object
 */
export async function readTokenizerFiles(files: ModelFiles): Promise<TokenizerFiles> {
  const tokenizer = await readJsonObject(files, "tokenizer.json");
  const config = await readJsonObject(files, "tokenizer_config.json");
  return { tokenizer: required(files, "tokenizer.json", tokenizer), config: config ?? {} };
}

/**
 * Tokenizer files whose config has the chat template of the folder's chat_template.jinja; where there is no such file, as they are.
 *
 * @param files the model's files
 * @param tokenizer what {@linkcode readTokenizerFiles} has read of them
 */
export async function withChatTemplate(
  files: ModelFiles,
  tokenizer: TokenizerFiles,
): Promise<TokenizerFiles> {
  const file = await files.open("chat_template.jinja");
  if (file === undefined) return tokenizer;
  const template = new TextDecoder().decode(await readAll(file));
  return { ...tokenizer, config: { ...tokenizer.config as object, chat_template: template } };
}

/** What a folder may hold beside config.json and the weights: how texts become tokens, and how they are generated. */
const TEXT_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "tokenizer.model",
  "vocab.json",
  "vocab.txt",
  "merges.txt",
  "chat_template.jinja",
  "generation_config.json",
];

/**
 * The files of a model folder that have nothing to do with its weights, as they are: its tokenizer's, and the settings of generation.
 *
 * @param files the model's files
 * @returns bytes by path, of those that there are
 */
export async function textFiles(files: ModelFiles): Promise<Record<string, Uint8Array>> {
  const found: Record<string, Uint8Array> = {};
  for (const path of TEXT_FILES) {
    const file = await files.open(path);
    if (file) found[path] = await readAll(file);
  }
  return found;
}

/**
 * Parses a JSON file of a model folder.
 *
 * @param files the model's files
 * @param path path relative to the model folder
 * @returns the object, or `undefined` when the file does not exist
 * @throws {ModelFolderError} when the file is not a JSON object
 */
export async function readJsonObject(
  files: ModelFiles,
  path: string,
): Promise<Record<string, unknown> | undefined> {
  const file = await files.open(path);
  if (!file) return undefined;
  const text = new TextDecoder().decode(await readAll(file));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = text.trim() === "" ? "the file is empty" : (error as Error).message;
    throw new ModelFolderError(
      `Cannot read "${path}" of model "${files.label}": expected JSON, but ${reason}`,
      { cause: error },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ModelFolderError(
      `Cannot read "${path}" of model "${files.label}": expected a JSON object`,
    );
  }
  return value as Record<string, unknown>;
}

function required<Value>(files: ModelFiles, path: string, value: Value | undefined): Value {
  if (value === undefined) {
    throw new ModelFolderError(`Cannot find "${path}" in model "${files.label}": ${NEEDS}`);
  }
  return value;
}
