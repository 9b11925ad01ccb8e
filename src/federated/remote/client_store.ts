/** What a client must not forget, by name: files of a folder, a browser's database, a map in a test. @module */

import { UserError } from "../../protocol/errors.ts";

/** The names there are. */
export type StoredName =
  | "key.json" // its key
  | "seat.json" // where it takes part
  | "settings.json" // how it was started
  | "evaluated.json" // the last score it reported
  | "pending.safetensors" // an update that is not delivered yet
  | "memory.safetensors" // what it keeps of its last round
  | "memory-before.safetensors"; // and of the round before

/** Keeps bytes by name. */
export interface ClientStore {
  /** The bytes under a name; undefined where nothing is kept. */
  read(name: StoredName): Promise<Uint8Array | undefined>;
  /** Keeps bytes in place of what was there, whole or not at all; they are safe when it resolves. */
  write(name: StoredName, bytes: Uint8Array): Promise<void>;
  /** Forgets. */
  remove(name: StoredName): Promise<void>;
}

/**
 * Reads what {@linkcode writeJson} kept.
 *
 * @param isComplete whether a value has what the type promises.
 *
 * @throws {UserError} when something else is there.
 */
export async function readJson<T>(
  store: ClientStore,
  name: StoredName,
  isComplete: (value: T) => boolean,
): Promise<T | undefined> {
  const bytes = await store.read(name);
  if (bytes === undefined) return undefined;
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === "object" && value !== null && isComplete(value)) return value;
  } catch {
    // Said below, as for anything else that is not it.
  }
  throw damaged(name);
}

/** Keeps a value as JSON. */
export async function writeJson(
  store: ClientStore,
  name: StoredName,
  value: object,
): Promise<void> {
  await store.write(name, new TextEncoder().encode(JSON.stringify(value) + "\n"));
}

/** The error for a name under which something else is kept. */
export function damaged(name: StoredName, cause?: unknown): UserError {
  return new UserError(
    `Cannot read "${name}" of the client's state: it is damaged; restore the folder from a copy, or ask for a new invitation and use another --state`,
    { cause },
  );
}
