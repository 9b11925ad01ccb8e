/**
 * Tied embeddings. A language model may share one table between its token embeddings and its output layer; its checkpoint then holds the table
 * once, under either name.
 *
 * @module
 */

import { type ModelConfig, readFlag } from "./config.ts";
import type { Model } from "./family.ts";

/** {@linkcode Model.tied} of a model whose token embeddings are `embeddings` and whose language-model class has the output layer `output`. */
export function readTied(
  config: ModelConfig,
  embeddings: string,
  output: string,
  tiedByDefault: boolean,
): Readonly<Record<string, string>> {
  const tied = readFlag(config, "tie_word_embeddings", tiedByDefault);
  return tied ? { [`${embeddings}.weight`]: `${output}.weight` } : {};
}

/**
 * The name under which a checkpoint holds the tensor `name`; the name itself where it holds neither.
 *
 * @example
 * ```ts
 * import { storedName } from "./tied.ts";
 * const model = { tied: { "model.embed_tokens.weight": "lm_head.weight" } };
 * const stored = storedName(model, "model.embed_tokens.weight", (name) => name === "lm_head.weight");
 * if (stored !== "lm_head.weight") throw new Error("unreachable");
 * ```
 */
export function storedName(
  { tied }: Pick<Model, "tied">,
  name: string,
  has: (name: string) => boolean,
): string {
  return !has(name) && Object.hasOwn(tied, name) && has(tied[name]) ? tied[name] : name;
}

/** The name of the table of an output layer: its own, or that of the embeddings it is tied to. */
export function outputTable(tied: Model["tied"], output: string): string {
  const embeddings = Object.keys(tied).find((name) => tied[name] === `${output}.weight`);
  return embeddings ?? `${output}.weight`;
}
