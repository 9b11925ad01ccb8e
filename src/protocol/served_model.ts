/** Under which hash a server keeps the files of a base model. @module */

import { sha256Hex } from "./hash.ts";
import type { ModelIdentity } from "./manifest.ts";

/**
 * The hash under which a server has a run's base model, and a client's cache its copy: the model's own, and where conversations are read one of model,
 * tokenizer and chat template, for the same weights are served with several of these.
 *
 * @returns 64 hexadecimal digits.
 */
export async function servedModelHash(
  { hash, tokenizer, chatTemplate }: ModelIdentity,
): Promise<string> {
  if (chatTemplate === undefined) return hash;
  return await sha256Hex(new TextEncoder().encode([hash, tokenizer, chatTemplate].join("\n")));
}
