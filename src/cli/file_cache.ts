import type { TokenCache } from "../data/token_cache.ts";

/**
 * A cache of files in `folder`, which is created when the first one is written. A file appears whole or not at all:
 * it is written under a temporary name and renamed.
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
      const target = path(key);
      await Deno.mkdir(folder, { recursive: true });
      const temporary = `${target}.${crypto.randomUUID()}.tmp`;
      try {
        await Deno.writeFile(temporary, bytes);
        await Deno.rename(temporary, target);
      } catch (error) {
        await Deno.remove(temporary).catch(() => {}); // it may never have been created
        throw error;
      }
    },
  };
}
