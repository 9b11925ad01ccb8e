/** A tokenizer as its two JSON files. @module */

import { join } from "node:path";
import { readTokenizerFiles } from "../../weights/mod.ts";
import { folderFiles } from "../deno_files.ts";
import { writeAtomically } from "../write_atomically.ts";
import { jsonText } from "./json_text.ts";

/** Parsed `tokenizer.json` and `tokenizer_config.json`. */
export interface TokenizerJson {
  readonly tokenizer: Record<string, unknown>;
  readonly config: Record<string, unknown>;
}

/** A token that stands beside the vocabulary, as `tokenizer.json` lists it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
}

/**
 * Reads the files of a folder.
 *
 * @throws ModelFolderError when the folder or its tokenizer.json is missing, or a file is no JSON object.
 */
export async function readTokenizer(folder: string): Promise<TokenizerJson> {
  const { tokenizer, config } = await readTokenizerFiles(folderFiles(folder));
  return {
    tokenizer: tokenizer as Record<string, unknown>,
    config: config as Record<string, unknown>,
  };
}

/** Writes the files into a folder. */
export async function writeTokenizer(
  folder: string,
  { tokenizer, config }: TokenizerJson,
): Promise<void> {
  await writeAtomically(join(folder, "tokenizer.json"), jsonText(tokenizer));
  await writeAtomically(join(folder, "tokenizer_config.json"), jsonText(config));
}

/** The added tokens of a `tokenizer.json`. */
export function addedTokens(tokenizer: TokenizerJson["tokenizer"]): readonly AddedToken[] {
  return (tokenizer.added_tokens ?? []) as readonly AddedToken[];
}

/** The id of a token by its text; undefined where there is none. */
export function idOfToken(
  tokenizer: TokenizerJson["tokenizer"],
  content: string,
): number | undefined {
  return idsByPiece(tokenizer).get(content);
}

/** Ids V of a tokenizer: the highest of its vocabulary and added tokens, and one. */
export function idsOf(tokenizer: TokenizerJson["tokenizer"]): number {
  let highest = -1;
  for (const id of idsByPiece(tokenizer).values()) highest = Math.max(highest, id);
  return highest + 1;
}

/** Ids by piece, those of added tokens too: of the vocabulary an object's values, or the places in a Unigram's list of [piece, score]. */
export function idsByPiece(tokenizer: TokenizerJson["tokenizer"]): ReadonlyMap<string, number> {
  const { vocab } = tokenizer.model as {
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
  };
  const ids = new Map(
    Array.isArray(vocab)
      ? vocab.map(([piece], id): [string, number] => [piece, id])
      : Object.entries(vocab),
  );
  for (const { content, id } of addedTokens(tokenizer)) ids.set(content, id);
  return ids;
}
