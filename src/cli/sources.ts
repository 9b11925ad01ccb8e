/** Opens what the settings name: model files, data, caches. @module */

import { basename, join, resolve } from "node:path";
import {
  builtinCorpus,
  dealsByLabel,
  type LabelledData,
  type LabelUse,
  loadData,
  type LoadOptions,
  type TokenCache,
} from "../data/mod.ts";
import type { RunConfig } from "../federated/run_config.ts";
import { UserError } from "../protocol/errors.ts";
import { sha256Hex } from "../protocol/hash.ts";
import { hubFiles, type ModelFiles } from "../weights/mod.ts";
import { builtInBase } from "../weights/built_in_base.ts";
import { folderCache, folderFiles } from "./deno_files.ts";
import { decodeText } from "../data/rows.ts";
import { fileCache } from "./file_cache.ts";
import type { Preparation } from "./progress.ts";

/** The built-in corpus is the same for every run seed, so that runs of different seeds differ in training alone. */
const CORPUS_SEED = 20;
const CORPUS_SIZE = { train: 4000, test: 1000 };

/** The model's files: the built-in base, a folder, or a hub model by its id. */
export async function openModelFiles(
  config: Pick<RunConfig, "model" | "revision" | "offline" | "cacheDir">,
  onProgress: (preparation: Preparation) => void = () => {},
): Promise<ModelFiles> {
  const { model, revision, offline } = config;
  if (model === null) return builtInBase();
  if (!isHubId(model) || await exists(model)) {
    if (revision !== null) {
      throw new UserError(`Cannot use --revision with the folder "${model}": it is for hub models`);
    }
    return folderFiles(model);
  }
  const token = Deno.env.get("HF_TOKEN");
  return hubFiles(model, {
    cache: folderCache(join(cacheFolder(config), "hub")),
    offline,
    ...(revision !== null && { revision }),
    ...(token && { token }),
    onProgress: (path, done, total) =>
      onProgress({ label: `Downloading ${path}`, done, total: total ?? done }),
  });
}

/** Whether a text has the form of a hub id, "organisation/model" or "model"; a relative folder may have it too. */
export function isHubId(text: string): boolean {
  return /^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(text);
}

/** Settings that decide which texts a run is made of, and which of them it trains on. */
export const dataKeys = [
  "task",
  "data",
  "textColumn",
  "labelColumn",
  "labels",
  "strip",
  "validation",
  "seed",
] as const;

/** Settings that decide which client is dealt which of them. */
export const dealKeys = ["clients", "partition", "dirichletAlpha", "shardsPerClient"] as const;

/** The settings that {@linkcode openData} goes by. */
export type DataSettings = Pick<RunConfig, typeof dataKeys[number] | "partition">;

/** The division of a file by its own marks alone: no row that it does not mark is held out. */
export const unmarked = { testShare: 0, validationShare: 0 } as const;

/**
 * The data of a run.
 *
 * @param division how a file's unmarked rows are divided, where not as a run divides them
 * @throws UserError when the file cannot be read or is not what it should be.
 */
export async function openData(
  config: DataSettings,
  division: Pick<LoadOptions, "testShare" | "validationShare" | "needsTraining"> = {},
): Promise<LabelledData> {
  const { data, labels, textColumn, labelColumn, strip, validation, seed, task } = config;
  if (data === null) return builtinCorpus(CORPUS_SEED, { ...CORPUS_SIZE, validation });
  return await loadData({
    name: basename(data),
    bytes: await readFile(data),
    textColumn,
    labelColumn: labelColumn ?? undefined,
    labelUse: labelUseOf(config),
    messages: task === "chat",
    labels: typeof labels === "string" ? await readLabels(labels) : labels ?? undefined,
    strip,
    validation,
    seed,
    ...division,
  });
}

function labelUseOf({ task, partition }: DataSettings): LabelUse {
  if (task === "classify") return "classes";
  return dealsByLabel(partition) ? "dealing" : "nothing";
}

/** The model's name for people: a hub id as it is, a folder by its own name, for reports are shared and paths are private. */
export function modelName({ model }: RunConfig, { label }: ModelFiles): string {
  if (model === null) return label;
  return isHubId(model) ? model : basename(resolve(model));
}

/** Bytes that tell whether a resumed run sees the same data: its file, or nothing for the built-in corpus. */
export async function dataHash({ data }: RunConfig): Promise<string> {
  if (data === null) return `built-in corpus ${CORPUS_SEED}`;
  return await sha256Hex(await readFile(data));
}

/**
 * The token cache. A cache only saves time: one that cannot be used is passed over with a note, unless the user named its folder and there can be none.
 *
 * @throws UserError (as it is asked) when the folder of --cache-dir cannot be made.
 */
export function openTokenCache(
  config: Pick<RunConfig, "cacheDir">,
  note: (text: string) => void,
): TokenCache {
  const { cacheDir } = config;
  const folder = join(cacheFolder(config), "tokens");
  const cache = fileCache(folder);
  const passOver = (error: unknown) => {
    note(`Tokens are not cached: ${(error as Error).message}`);
    return undefined;
  };
  return {
    async get(key) {
      if (cacheDir !== null) await makeCacheFolder(cacheDir, folder);
      return await cache.get(key).catch(passOver);
    },
    set: (key, bytes) => cache.set(key, bytes).catch(passOver),
  };
}

async function makeCacheFolder(cacheDir: string, folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`Cannot use --cache-dir "${cacheDir}": ${(error as Error).message}`);
  }
}

/** Where tokens and downloaded models are kept: --cache-dir, or the platform's own place. */
export function cacheFolder({ cacheDir }: Pick<RunConfig, "cacheDir">): string {
  if (cacheDir !== null) return cacheDir;
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE") ?? ".";
  switch (Deno.build.os) {
    case "windows":
      return join(Deno.env.get("LOCALAPPDATA") ?? home, "hafl");
    case "darwin":
      return join(home, "Library", "Caches", "hafl");
    default:
      return join(Deno.env.get("XDG_CACHE_HOME") ?? join(home, ".cache"), "hafl");
  }
}

/** The label set in a file, one a line. */
export async function readLabels(path: string): Promise<string[]> {
  const lines = decodeText(path, await readFile(path)).split(/\r?\n/);
  const labels = lines.map((line) => line.trim()).filter((line) => line !== "");
  if (labels.length >= 2) return labels;
  throw new UserError(
    `Cannot use labels file "${path}": expected two lines or more, got ${labels.length}`,
  );
}

/**
 * A file's bytes.
 *
 * @throws UserError when there is no such file, or it is no regular one.
 */
export async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    // A pipe or a device may never end.
    const { isFile, isDirectory } = await Deno.stat(path);
    if (!isFile && !isDirectory) {
      throw new UserError(`Cannot read "${path}": expected a regular file`);
    }
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new UserError(`Cannot read "${path}": no such file`);
    }
    if (error instanceof Deno.errors.IsADirectory) {
      throw new UserError(`Cannot read "${path}": expected a file, got a folder`);
    }
    if (!(error instanceof Error) || error instanceof UserError) throw error;
    throw new UserError(`Cannot read "${path}": ${error.message}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
