/** The model that training starts from when none is named. @module */

import { builtInBaseName } from "../protocol/manifest.ts";
import type { ByteFile, ModelFiles } from "./source.ts";

/** What the base holds, so that a failure to read one of these is never taken for its absence. */
const names: ReadonlySet<string> = new Set([
  "config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
]);

/**
 * The built-in base: a BERT of 4 layers × 128 pretrained by this program, its tokenizer included, from base/ beside the program.
 *
 * The files are fetched from where this module came from, a folder or a web server; each is read whole, once.
 *
 * @param root where the files are; for tests
 *
 * @example
 * ```ts
 * import { builtInBase } from "./built_in_base.ts";
 * import { openWeights } from "./mod.ts";
 * const weights = await openWeights(builtInBase());
 * if (weights.shape("bert.embeddings.position_embeddings.weight")[0] !== 128) throw new Error("unreachable");
 * ```
 */
export function builtInBase(root: URL = new URL("../../base/", import.meta.url)): ModelFiles {
  const files = new Map<string, ByteFile>();
  return {
    label: builtInBaseName,
    open(path) {
      if (names.has(path) && !files.has(path)) files.set(path, fetchedFile(new URL(path, root)));
      return Promise.resolve(files.get(path));
    },
  };
}

/** A file that is fetched when first asked for; `fetch` reads file: URLs too. */
function fetchedFile(url: URL): ByteFile {
  let fetched: Promise<Uint8Array> | undefined;
  const bytes = (): Promise<Uint8Array> => fetched ??= fetchBytes(url);
  return {
    name: url.href,
    size: async () => (await bytes()).length,
    read: async (offset, length) => {
      const all = await bytes();
      if (offset + length > all.length) {
        throw new RangeError(
          `Cannot read ${url}: expected ${length} bytes at offset ${offset}, got a file of ${all.length}`,
        );
      }
      return all.slice(offset, offset + length);
    },
  };
}

async function fetchBytes(url: URL): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`Cannot read the built-in base: ${url} answered ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}
