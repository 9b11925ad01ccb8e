import { WeightsError } from "./errors.ts";

/**
 * Resolves a file name written inside a model file (a shard, external data) against that file's folder.
 *
 * Such names come with downloaded models, so they may not leave the model folder.
 *
 * @param from path of the file that holds the name, relative to the model folder
 * @param name the name it holds
 * @returns the path relative to the model folder
 * @throws {WeightsError} if the name is absolute or climbs with ".."
 */
export function innerPath(from: string, name: string): string {
  const parts = name.split(/[/\\]/);
  if (name === "" || parts[0] === "" || /^[A-Za-z]:/.test(name) || parts.includes("..")) {
    throw new WeightsError(
      `Cannot follow "${name}" named in "${from}": expected a file inside the model folder`,
    );
  }
  const folder = from.slice(0, from.lastIndexOf("/") + 1);
  return folder + parts.filter((part) => part !== ".").join("/");
}
