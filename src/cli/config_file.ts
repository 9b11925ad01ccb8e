import { UserError } from "../protocol/errors.ts";
import { parseDistinct } from "./parse_distinct.ts";

/**
 * Reads a configuration file: a JSON object whose keys are setting names in camelCase.
 *
 * The values are not checked here; {@linkcode readSettings} of federated/read_settings.ts checks files and flags alike.
 *
 * @throws UserError when the file cannot be read or is not a JSON object.
 */
export async function readConfigFile(path: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new UserError(`Cannot read configuration "${path}": ${reason}`);
  }
  return parseConfig(text, path);
}

/** The object in a configuration file's text; `path` names the file in errors. */
function parseConfig(text: string, path: string): Record<string, unknown> {
  const value = parseDistinct(text, `configuration "${path}"`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const kind = Array.isArray(value) ? "an array" : value === null ? "null" : `a ${typeof value}`;
    throw new UserError(
      `Cannot read configuration "${path}": expected a JSON object, got ${kind}`,
    );
  }
  return value as Record<string, unknown>;
}
