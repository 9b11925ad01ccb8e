/** A client's state as a folder of files that only its owner can read. @module */

import { join } from "node:path";
import type { ClientStore } from "../../federated/remote/client_store.ts";
import { UserError } from "../../protocol/errors.ts";
import { removeIfThere } from "../remove_if_there.ts";
import { writeAtomically } from "../write_atomically.ts";

const lockFile = "client.lock";

/** A folder that this process alone works in, until it is disposed of or the process ends. */
export interface StateFolder extends ClientStore, Disposable {
  /** Its path. */
  readonly path: string;
}

/**
 * Opens a client's folder; makes it when needed.
 *
 * @throws UserError when another process works in it, or it holds something else.
 */
export async function openStateFolder(path: string): Promise<StateFolder> {
  await makePrivate(path);
  const lock = await Deno.open(join(path, lockFile), { write: true, create: true, mode: 0o600 });
  if (!await lock.tryLock(true)) {
    lock.close();
    throw new UserError(
      `Cannot use "${path}": another client is working in it; use another --name or --state`,
    );
  }
  await removePartial(path);
  return {
    path,
    async read(name) {
      try {
        return await Deno.readFile(join(path, name));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    async write(name, bytes) {
      await writeAtomically(join(path, name), bytes, 0o600);
      await flushNames(path);
    },
    remove: (name) => removeIfThere(join(path, name)),
    [Symbol.dispose]: () => lock.close(),
  };
}

/** What earlier starts were ended over; nobody else writes here now. */
async function removePartial(path: string): Promise<void> {
  const entries = await Array.fromAsync(Deno.readDir(path));
  for (const { name } of entries) {
    if (name.endsWith(".partial")) await Deno.remove(join(path, name));
  }
}

/** A file's new name outlasts a power cut only once its folder is on the disk too. Windows flushes no folders. */
async function flushNames(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path);
  await folder.sync();
}

async function makePrivate(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
    if (names.length > 0 && !names.includes(lockFile)) {
      throw new UserError(
        `Cannot use "${path}" for a client: expected an empty folder or a client's, got other files ("${
          names[0]
        }")`,
      );
    }
    if (Deno.build.os !== "windows") await Deno.chmod(path, 0o700);
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    throw new UserError(`Cannot use "${path}" for a client: ${error.message}`);
  }
}
