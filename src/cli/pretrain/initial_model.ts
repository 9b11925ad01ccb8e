/** The model whose weights a pretraining starts from. @module */

import { openModelWeights } from "../../lora/model_weights.ts";
import type { Model } from "../../models/mod.ts";
import { weightLayout } from "../../pretrain/programs.ts";
import { UserError } from "../../protocol/errors.ts";
import type { WeightSource } from "../../weights/mod.ts";
import { folderFiles } from "../deno_files.ts";
import { idsByPiece, readTokenizer, type TokenizerJson } from "./tokenizer_json.ts";

/** An opened model. */
export interface InitialModel {
  readonly folder: string;
  /** Answers to the names of the model that is trained. */
  readonly weights: WeightSource;
  /** Undefined where the folder holds none. */
  readonly tokenizer: TokenizerJson | undefined;
}

/**
 * Opens the folder of a model to start from. It must hold every weight of `model` but those of the language-model head, which a base lacks.
 *
 * @param tokens T of a row
 * @throws UserError when a weight is missing or has another shape.
 */
export async function openInitialModel(
  folder: string,
  model: Model,
  tokens: number,
): Promise<InitialModel> {
  const files = folderFiles(folder);
  const weights = await openModelWeights(files, model);
  for (const { name, shape } of weightLayout(model, tokens).head) {
    const optional = !model.prefixes.some((prefix) => name.startsWith(prefix));
    if (optional && !weights.has(name)) continue;
    const found = weights.has(name) ? listed(weights.shape(name)) : "none";
    if (found === listed(shape)) continue;
    throw new UserError(
      `Cannot start from "${folder}": expected a model of the same shape, with "${name}" ${
        listed(shape)
      }, got ${found}`,
    );
  }
  const hasTokenizer = await files.open("tokenizer.json") !== undefined;
  return { folder, weights, tokenizer: hasTokenizer ? await readTokenizer(folder) : undefined };
}

/**
 * Checks that a model knows tokens by the ids of the tokenizer in use: its embeddings would be those of other words.
 *
 * @throws UserError when an id differs.
 */
export function checkSameIds({ folder, tokenizer }: InitialModel, used: TokenizerJson): void {
  if (tokenizer === undefined) return;
  const [own, expected] = [tokenizer, used].map(({ tokenizer }) => idsByPiece(tokenizer));
  if (own.size === expected.size && [...expected].every(([piece, id]) => own.get(piece) === id)) {
    return;
  }
  throw new UserError(
    `Cannot start from "${folder}": expected a model of the same tokenizer, got one with other ids; give its folder as --tokenizer, without --vocabulary`,
  );
}

const listed = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
