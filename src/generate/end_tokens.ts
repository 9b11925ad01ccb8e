/** The tokens that end a text. @module */

import { UserError } from "../protocol/errors.ts";
import type { ModelFiles } from "../weights/mod.ts";
import { readJsonObject } from "../weights/folder.ts";

/** Files that may name them; the first that does counts, as for Hugging Face's generate(). */
const FILES = ["generation_config.json", "config.json"];

/**
 * The ids of a model's end tokens: "eos_token_id" of its generation_config.json, otherwise of its config.json, a number or a list; none where both are silent.
 *
 * @throws UserError when it is something else.
 */
export async function readEndTokens(files: ModelFiles): Promise<readonly number[]> {
  for (const path of FILES) {
    const value = (await readJsonObject(files, path))?.eos_token_id ?? undefined;
    if (value === undefined) continue;
    const ids: unknown[] = Array.isArray(value) ? value : [value];
    if (ids.every((id) => typeof id === "number" && Number.isSafeInteger(id) && id >= 0)) {
      return ids as number[];
    }
    throw new UserError(
      `Cannot read "${path}" of model "${files.label}": expected "eos_token_id" to be a token id or a list of them, got ${
        JSON.stringify(value)
      }`,
    );
  }
  return [];
}
