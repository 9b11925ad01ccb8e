/** The server's copy of a run's base model, downloaded into the cache once. @module */

import { join } from "node:path";
import { readTokenizerFacts } from "../../data/tokenizer_files.ts";
import type { ModelFileEntry } from "../../federated/remote/answer_forms.ts";
import { fetchModelFile, listModelFiles } from "../../federated/remote/api.ts";
import { chatTemplateHash } from "../../federated/remote/chat_template_hash.ts";
import type { Connection } from "../../federated/remote/connection.ts";
import { UserError } from "../../protocol/errors.ts";
import type { ModelIdentity, RunManifest } from "../../protocol/manifest.ts";
import { servedModelHash } from "../../protocol/served_model.ts";
import {
  type ModelFiles,
  modelHash,
  readTokenizerFiles,
  withChatTemplate,
} from "../../weights/mod.ts";
import { folderCache, folderFiles } from "../deno_files.ts";
import type { Preparation } from "../progress.ts";
import { cacheFolder } from "../sources.ts";

/** What {@linkcode downloadModel} goes by. */
export interface ServerModelRequest {
  /** The run's, checked. */
  readonly manifest: RunManifest;
  readonly connection: Connection;
  readonly cacheDir: string | null;
  readonly onProgress: (preparation: Preparation) => void;
}

/** Most files of a model, and most bytes of them all: above any model that a client trains, below what would fill a large disk. */
const MOST_FILES = 1000;
const MOST_BYTES = 2 ** 38;

/**
 * Downloads what the cache lacks of the model, and checks that it is the run's.
 *
 * @returns its folder.
 *
 * @throws UserError when the server has no copy, or one that is not the run's model.
 */
export async function downloadModel(request: ServerModelRequest): Promise<string> {
  const { manifest: { model }, connection, cacheDir, onProgress } = request;
  // A plain name: a manifest's hashes are of hexadecimal digits.
  const served = await servedModelHash(model);
  const folder = join(cacheFolder({ cacheDir }), "models", served);
  const listed = await listModelFiles(connection, served);
  checkList(listed, model);
  const cache = folderCache(folder);
  for (const { path, size } of listed) {
    const cached = await cache.match(path);
    if (cached && await cached.size() === size) continue;
    await fetchModelFile(connection, served, path, async (body) => {
      const report = (done: number) =>
        onProgress({ label: `Downloading ${path}`, done, total: size });
      await cache.put(path, body.pipeThrough(ofSize(path, size, report)));
    });
  }
  const problem = await problemOf(folderFiles(folder), model);
  if (problem === undefined) return folder;
  // What is kept would be found again at every start.
  await Deno.remove(folder, { recursive: true });
  throw new UserError(`Cannot use the server's copy of "${model.name}": ${problem}`);
}

function checkList(listed: readonly ModelFileEntry[], { name }: ModelIdentity): void {
  if (listed.length === 0) {
    throw new UserError(
      `Cannot download the base model: the server has no copy of "${name}"; give it with --model`,
    );
  }
  if (listed.length > MOST_FILES) {
    throw new UserError(
      `Cannot download the base model: expected at most ${MOST_FILES} files, got ${listed.length}`,
    );
  }
  const stray = listed.find(({ path }) => !isInside(path));
  if (stray !== undefined) {
    throw new UserError(
      `Cannot download the base model: "${stray.path}" is no path inside its folder`,
    );
  }
  const total = listed.reduce((sum, { size }) => sum + size, 0);
  if (total > MOST_BYTES) {
    throw new UserError(
      `Cannot download the base model: expected at most ${MOST_BYTES} bytes, got ${total}`,
    );
  }
}

/** Whether a path stays in the folder that it is relative to, on every platform. */
function isInside(path: string): boolean {
  return path.split("/").every((part) => /^[\w-][\w. -]*$/.test(part));
}

/** Passes a file on, as long as it has the size that it should have. */
function ofSize(
  path: string,
  size: number,
  report: (done: number) => void,
): TransformStream<Uint8Array, Uint8Array> {
  let done = 0;
  const refuse = (got: string): never => {
    throw new UserError(
      `Cannot download "${path}" of the base model: expected ${size} bytes, got ${got}`,
    );
  };
  return new TransformStream({
    transform(chunk, controller) {
      done += chunk.length;
      if (done > size) refuse("more");
      report(done);
      controller.enqueue(chunk);
    },
    flush() {
      if (done < size) refuse(String(done));
    },
  });
}

/** What keeps a copy from being the run's model; undefined when it is. */
async function problemOf(
  files: ModelFiles,
  { hash, tokenizer, chatTemplate }: ModelIdentity,
): Promise<string | undefined> {
  const found = await modelHash(files);
  if (found !== hash) return `expected hash ${short(hash)}, got ${short(found)}`;
  const tokenizerFiles = await readTokenizerFiles(files);
  const facts = await readTokenizerFacts(tokenizerFiles.tokenizer, tokenizerFiles.config);
  if (facts.hash !== tokenizer) {
    return `expected a tokenizer of hash ${short(tokenizer)}, got ${short(facts.hash)}`;
  }
  if (chatTemplate === undefined) return undefined;
  const template = await chatTemplateHash((await withChatTemplate(files, tokenizerFiles)).config);
  if (template === chatTemplate) return undefined;
  return `expected a chat template of hash ${short(chatTemplate)}, got ${
    template === undefined ? "none" : short(template)
  }`;
}

/** Enough of a hash to tell two apart. */
function short(hash: string): string {
  return hash.slice(0, 16);
}
