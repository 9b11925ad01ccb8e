/** The file system as the weights see it. */
import { UserError } from "../protocol/errors.ts";
import { type ByteFile, type HubCache, type ModelFiles, ModelFolderError } from "../weights/mod.ts";

/**
 * A model folder in Hugging Face layout.
 *
 * @param path the folder
 * @returns its files
 * @throws {ModelFolderError} when there is no such folder
 */
export function folderFiles(path: string): ModelFiles {
  const folder = path.replace(/\/+$/, "") || "/";
  if (!statOrUndefined(folder)?.isDirectory) {
    throw new ModelFolderError(`Cannot open model "${path}": no such folder`);
  }
  return { label: folder, open: (inner) => openFile(`${folder}/${inner}`) };
}

/**
 * A folder that keeps files downloaded from the hub, laid out as transformers.js lays out its
 * `env.cacheDir`. It is made when the first file arrives.
 *
 * @param path the folder
 * @returns the cache; a file appears in it only when complete
 */
export function folderCache(path: string): HubCache {
  return {
    name: path,
    match: (key) => openFile(`${path}/${key}`),
    put: async (key, body) => {
      const target = `${path}/${key}`;
      const partial = `${target}.tmp.${crypto.randomUUID()}`;
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      try {
        await Deno.writeFile(partial, body);
        await Deno.rename(partial, target);
      } catch (error) {
        await Deno.remove(partial).catch(() => {});
        throw error;
      }
      return byteFile(target);
    },
  };
}

function openFile(path: string): Promise<ByteFile | undefined> {
  return Promise.resolve(statOrUndefined(path)?.isFile ? byteFile(path) : undefined);
}

function byteFile(path: string): ByteFile {
  return {
    name: path,
    size: async () => (await Deno.stat(path)).size,
    read: async (offset, length) => {
      const bytes = new Uint8Array(length);
      using file = await Deno.open(path);
      await file.seek(offset, Deno.SeekMode.Start);
      let filled = 0;
      while (filled < length) {
        const count = await file.read(bytes.subarray(filled));
        if (count === null) {
          throw new UserError(
            `Cannot read "${path}": expected ${length} bytes at offset ${offset}, got ${filled}`,
          );
        }
        filled += count;
      }
      return bytes;
    },
  };
}

function statOrUndefined(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    // A path that goes through a file ("config.json/x") is as absent as one that does not exist.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}
