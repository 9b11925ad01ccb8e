/** Folders that commands keep their work in. Paths are put together with a slash, which every platform takes: mod.ts reaches this without node:path. @module */

import { UserError } from "../protocol/errors.ts";

const lockFile = "run.lock";

/**
 * Claims a folder for this process, until the lock is disposed or the process ends, however it ends.
 *
 * @throws UserError when another process works in it.
 */
export async function lockFolder(path: string): Promise<Disposable> {
  await Deno.mkdir(path, { recursive: true });
  const file = await Deno.open(`${path}/${lockFile}`, { write: true, create: true });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new UserError(`Cannot use folder "${path}": another process is working in it`);
}

/**
 * Sorted names of what lies in a folder; none when it is missing.
 *
 * @throws UserError when it cannot be read.
 */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (!(error instanceof Error)) throw error;
    throw new UserError(`Cannot use folder "${folder}": ${error.message}`);
  }
}

/** Whether a process that was killed may have left this beside its work: the lock, and files that were not finished. */
export function isLeftover(name: string): boolean {
  return name === lockFile || name.endsWith(".partial");
}
