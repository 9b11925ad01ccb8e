/** Opens what the settings name: model files, data, caches. @module */

import { basename, join } from "node:path";
import { builtinCorpus, type LabelledData, loadData } from "../data/mod.ts";
import type { RunConfig } from "../federated/run_config.ts";
import { UserError } from "../protocol/errors.ts";
import { hubFiles, type ModelFiles } from "../weights/mod.ts";
import { builtInBase } from "../weights/built_in_base.ts";
import { folderCache, folderFiles } from "./deno_files.ts";

/** The built-in corpus is the same for every run seed, so that runs of different seeds differ in training alone. */
const CORPUS_SEED = 20;
const CORPUS_SIZE = { train: 4000, validation: 1000, test: 1000 };

/** The model's files: the built-in base, a folder, or a hub model by its id. */
export async function openModelFiles(config: RunConfig): Promise<ModelFiles> {
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
  });
}

/** Whether a text has the form of a hub id, "organisation/model"; a relative folder may have it too. */
export function isHubId(text: string): boolean {
  return /^[\w-][\w.-]*\/[\w.-]+$/.test(text);
}

/**
 * The labelled data of a run.
 *
 * @throws UserError when the file cannot be read or is not what it should be.
 */
export async function openData(config: RunConfig): Promise<LabelledData> {
  const { data, labels, textColumn, labelColumn, strip, validation, seed } = config;
  if (data === null) return builtinCorpus(CORPUS_SEED, CORPUS_SIZE);
  return await loadData({
    name: basename(data),
    bytes: await readFile(data),
    textColumn,
    labelColumn: labelColumn ?? undefined,
    labels: typeof labels === "string" ? await readLabels(labels) : labels ?? undefined,
    strip,
    validation,
    seed,
  });
}

/** Bytes that tell whether a resumed run sees the same data: its file, or nothing for the built-in corpus. */
export async function dataHash({ data }: RunConfig): Promise<string> {
  if (data === null) return `built-in corpus ${CORPUS_SEED}`;
  const digest = await crypto.subtle.digest("SHA-256", await readFile(data));
  return new Uint8Array(digest).toHex();
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

async function readLabels(path: string): Promise<string[]> {
  const lines = new TextDecoder().decode(await readFile(path)).split(/\r?\n/);
  const labels = lines.map((line) => line.trim()).filter((line) => line !== "");
  if (labels.length >= 2) return labels;
  throw new UserError(
    `Cannot use labels file "${path}": expected two lines or more, got ${labels.length}`,
  );
}

async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new UserError(`Cannot read "${path}": no such file`);
    }
    if (!(error instanceof Error)) throw error;
    throw new UserError(`Cannot read "${path}": ${error.message}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
