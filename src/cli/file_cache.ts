import type { TokenCache } from "../data/token_cache.ts";
import { writeAtomically } from "./write_atomically.ts";

/**
 * A cache of files in `folder`, which is created when the first one is written. A file appears whole or not at all.
 *
 * @throws {RangeError} (on use) where a key is not made of letters, digits, "-" and "_".
 *
 * @example
 * ```ts
 * import { fileCache } from "./file_cache.ts";
 * const cache = fileCache(await Deno.makeTempDir());
 * await cache.set("greeting", new Uint8Array([104, 105]));
 * if ((await cache.get("greeting"))?.length !== 2) throw new Error("unreachable");
 * ```
 */
export function fileCache(folder: string): TokenCache {
  const path = (key: string): string => {
    if (!/^[\w-]+$/.test(key)) {
      throw new RangeError(`Cannot use "${key}" as a cache key: expected a plain file name`);
    }
    return `${folder}/${key}`;
  };
  return {
    async get(key) {
      try {
        return await Deno.readFile(path(key));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    async set(key, bytes) {
      await writeAtomically(path(key), bytes);
    },
  };
}
