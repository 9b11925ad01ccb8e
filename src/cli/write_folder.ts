/** Writes a folder so that it is there in full or not at all. @module */

import { dirname, join, resolve } from "node:path";
import { UserError } from "../protocol/errors.ts";
import { writeFlushed } from "./write_atomically.ts";

/** What a file is to hold: all at once, or piece by piece. */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Makes a folder of files: under a temporary name beside its own, then renamed. A stream is read while it is written.
 *
 * @throws UserError when the path is taken, unless by an empty folder or with `overwrite`.
 */
export async function writeFolder(
  path: string,
  files: Readonly<Record<string, FileContent>>,
  overwrite: boolean,
): Promise<void> {
  const target = resolve(path);
  const taken = await isTaken(target);
  if (taken && !overwrite) {
    throw new UserError(
      `Cannot write to "${path}": it is not an empty folder; use another --out, or --overwrite`,
    );
  }
  const temporary = `${target}.${crypto.randomUUID()}.partial`;
  await Deno.mkdir(dirname(target), { recursive: true });
  try {
    await Deno.mkdir(temporary);
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await writeFlushed(join(temporary, name), bytes);
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

async function isTaken(path: string): Promise<boolean> {
  try {
    for await (const _ of Deno.readDir(path)) return true;
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.NotADirectory) return true;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
