/** Writes a folder so that it is there in full or not at all. @module */

import { dirname, join, resolve } from "node:path";
import { UserError } from "../protocol/errors.ts";
import { removeIfThere } from "./remove_if_there.ts";
import { writeFlushed } from "./write_atomically.ts";

/** What a file is to hold: all at once, or piece by piece. */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Makes a folder of files: under a temporary name beside its own, then renamed. A stream is read while it is written.
 *
 * @param check called before each piece is written; what it throws ends the writing, and nothing is left of it.
 *
 * @throws UserError when the path is taken, unless by an empty folder, or with `overwrite` by one that holds nothing but such files: what else a
 * folder holds is not this command's to remove.
 */
export async function writeFolder(
  path: string,
  files: Readonly<Record<string, FileContent>>,
  overwrite: boolean,
  check: () => void = () => {},
): Promise<void> {
  const taken = await isReplaced(path, Object.keys(files), overwrite);
  const target = resolve(path);
  const temporary = `${target}.${crypto.randomUUID()}.partial`;
  await Deno.mkdir(dirname(target), { recursive: true });
  try {
    await Deno.mkdir(temporary);
    for (const [name, content] of Object.entries(files)) {
      await writeFlushed(join(temporary, name), checked(content, check));
    }
    const old = `${temporary}.old`;
    if (taken) await Deno.rename(target, old);
    else await removeIfThere(target); // an empty folder, which some systems do not rename over
    await Deno.rename(temporary, target);
    if (taken) await Deno.remove(old, { recursive: true });
  } catch (error) {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    throw error;
  }
}

/**
 * Whether {@linkcode writeFolder} of files of these names replaces something.
 *
 * @throws UserError where it would refuse the path.
 */
export async function isReplaced(
  path: string,
  names: readonly string[],
  overwrite: boolean,
): Promise<boolean> {
  if (path === "") throw new UserError("Cannot write a folder: expected a path, got nothing");
  const entries = await entriesOf(path);
  if (entries.length > 0 && !overwrite) {
    throw new UserError(
      `Cannot write to "${path}": it is not an empty folder; use another --out, or --overwrite`,
    );
  }
  const foreign = entries.find(({ name, isFile }) =>
    !isFile || !(names.includes(name) || checkpointFile.test(name))
  );
  if (foreign) {
    throw new UserError(
      `Cannot replace "${path}" (--overwrite): expected nothing but files that are written anew, got "${foreign.name}"; use another --out`,
    );
  }
  return entries.length > 0;
}

async function* checked(content: FileContent, check: () => void): AsyncGenerator<Uint8Array> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  for await (const piece of bytes instanceof Uint8Array ? [bytes] : bytes) {
    check();
    yield piece;
  }
}

/** Weights by the names that checkpoints have, in however many parts. */
const checkpointFile = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;

/** What a folder holds; nothing where there is none. */
async function entriesOf(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof Deno.errors.NotADirectory) {
      throw new UserError(`Cannot write to "${path}": it is a file; use another --out`);
    }
    throw error;
  }
}
