/** Entries of a study's file as values of unknown origin: objects, and the keys they may have. @module */

import { accept, suggestion } from "../federated/read_settings.ts";
import { type Kind, list } from "../federated/setting_kinds.ts";
import { UserError } from "../protocol/errors.ts";
import { shown } from "../protocol/shown.ts";

/**
 * An entry that has to be an object.
 *
 * @param name the entry's place in the file, such as `tuning`
 */
export function readObject(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new UserError(
    `Cannot use ${name}: expected an object, got ${shown(value)}`,
  );
}

/** An entry that has to be a list with something in it. */
export function readList(value: unknown, name: string, what: string): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw new UserError(
    `Cannot use ${name}: expected a list of ${what}, got ${shown(value)}`,
  );
}

/** An entry that has to be a list of values of a kind, each once. */
export function readDistinct<T>(kind: Kind<T>, value: unknown, name: string): readonly T[] {
  const values = accept(list(kind), value, name);
  const twice = values.find((value, at) => values.indexOf(value) !== at);
  if (twice === undefined) return values;
  throw new UserError(`Cannot use ${name}: expected each once, got ${shown(twice)} twice`);
}

/** Refuses names of folders that some disks take for one. */
export function checkFolders(names: readonly string[], name: string): void {
  const folders = names.map((own) => own.toLowerCase());
  const at = folders.findIndex((folder, at) => folders.indexOf(folder) !== at);
  if (at < 0) return;
  const other = names[folders.indexOf(folders[at])];
  throw new UserError(
    `Cannot use ${name}.${names[at]} beside ${name}.${other}: expected names that differ by more ` +
      `than case, for some disks take both for one folder`,
  );
}

/** Refuses keys that an object must not have. */
export function checkKeys(object: object, name: string, known: readonly string[]): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const otherwise = `expected one of ${known.join(", ")}`;
  throw new UserError(
    `Unknown entry "${unknown}" in ${name}${suggestion(unknown, known, otherwise)}`,
  );
}

/** The entries of an object whose keys become names of folders: at least one, each a plain file name. */
export function readNamed(value: unknown, name: string): [string, unknown][] {
  const entries = Object.entries(readObject(value, name));
  if (entries.length === 0) {
    throw new UserError(`Cannot use ${name}: expected at least one, got {}`);
  }
  for (const [key] of entries) {
    if (/^[a-z\d][\w.+-]{0,99}$/i.test(key)) continue;
    throw new UserError(
      `Cannot use ${name}.${key}: expected a name of letters, digits, ".", "_", "+" and "-", at ` +
        `most 100 of them, that begins with a letter or digit, for it names a folder`,
    );
  }
  return entries;
}
